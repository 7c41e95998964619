/** What the engine gets from outside, so that tests run it without a browser. */

export interface Timers {
  /** The clock of the device, in milliseconds since the Unix epoch. It may be wrong. */
  now(): number;
  /** A clock that only goes forward, in milliseconds. */
  steady(): number;
  /** A number from 0 to 1. */
  random(): number;
  set(work: () => void, milliseconds: number): unknown;
  clear(timer: unknown): void;
}

/** The part of a `WebSocket` that is used. */
export interface SocketLike {
  send(text: string): void;
  close(): void;
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: ((event: { code: number }) => void) | null;
}

export type OpenSocket = (protocol: string) => SocketLike;

/** The part of `navigator.locks` that is used. */
export interface Locks {
  request(
    name: string,
    options: { steal?: boolean; signal?: AbortSignal; mode?: "shared" },
    work: () => Promise<void>,
  ): Promise<unknown>;
}

/** What became of a refresh of the tokens. */
export type Refreshed = "renewed" | "unreachable" | "ended";

/** The window of the engine. Only a window may refresh: what a worker asks for is lost with it. */
export interface Host {
  /** Refreshes, unless somebody has done so since the tokens that expire at this time. */
  refresh(expiresAt: number): Promise<Refreshed>;
}
