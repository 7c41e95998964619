/** What the state gets from outside, so that tests run it without a browser. */
import type { Signal } from "@preact/signals";
import type { Id } from "../core/id.ts";
import type { Bus, Channel, EngineState } from "../db/changes.ts";
import type { Db } from "../db/schema.ts";
import type { Locks, Refreshed } from "../session/deps.ts";
import type { Grounds } from "../session/preflight.ts";
import type { Fetch, Http } from "../wire/http.ts";

/** The engine of this tab, in its worker. */
export interface EngineHandle {
  visibility(isVisible: boolean): void;
  tryNow(): void;
  stop(): void;
}

export interface EnginePlan {
  user: Id;
  device: Id;
  isVisible: boolean;
  refresh(expiresAt: number): Promise<Refreshed>;
  onState(state: EngineState): void;
}

export interface Env {
  fetch: Fetch;
  timeout(milliseconds: number): AbortSignal;
  locks: Locks;
  channel(name: string): Channel;
  grounds: Grounds;
  startEngine(plan: EnginePlan): EngineHandle;
  now(): number;
  steady(): number;
  set(work: () => void, milliseconds: number): unknown;
  clear(timer: unknown): void;
  random(bytes: number): Uint8Array;
  isVisible(): boolean;
  /** The tab is visible and has the focus of the keyboard. */
  isFocused(): boolean;
  /** Calls back when one of the two changes, or the network is back. Returns how to end it. */
  onAttention(changed: (why: "attention" | "online") => void): () => void;
  /** Reloads the page, into the newest version where there is one. */
  reload(): void;
  /** A name for this browser in the list of devices. */
  deviceName(): string;
  /** Settings of this device: a small text, and never anything of a message. */
  settings: { get(): string | undefined; set(text: string): void };
  storage: {
    estimate(): Promise<{ usage: number; quota: number }>;
    isPersisted(): Promise<boolean>;
    persist(): Promise<boolean>;
    /** Safari on a phone deletes what a page stored that is not installed. */
    isEphemeral(): boolean;
  };
  notifications: {
    state(): "on" | "off" | "denied" | "unsupported";
    ask(): Promise<boolean>;
    show(note: { key: string; title: string; text: string; room: Id }): void;
    close(room: Id): void;
  };
  /** The words of a key, for what a screen reader or a notification says. */
  say(key: string, values: Record<string, string | number>): string;
  /** The program and its version. */
  version: string;
  /** The address of the relay, as a backup names it. */
  server: string;
}

/** One login of this browser, while the page shows it. */
export interface Home {
  db: Db;
  bus: Bus;
  http: Http;
  user: Id;
  device: Id;
  username: string;
  isShared: boolean;
  /** Nothing was stored before the engine began. */
  wasEmpty: boolean;
  engine: EngineHandle;
  state: Signal<EngineState>;
  /** What is not stored yet is stored by these, before the store is closed. */
  beforeClose: Set<() => void>;
}
