/**
 * The entry of the worker: it runs the engine of its tab with what the browser has. The window
 * only says who is logged in, whether it is visible, and what became of a refresh.
 */

import type { Id } from "../core/id.ts";
import { quietly } from "../core/quietly.ts";
import { Accounts } from "../db/accounts.ts";
import { Bus, type Channel, type EngineState } from "../db/changes.ts";
import { Http } from "../wire/http.ts";
import type { Refreshed, SocketLike, Timers } from "./deps.ts";
import { EngineRun } from "./run.ts";

/** What the window tells its worker. */
export type ToWorker =
  | { is: "start"; user: Id; device: Id; isVisible: boolean }
  | { is: "visibility"; isVisible: boolean }
  | { is: "try" }
  | { is: "refreshed"; n: number; answer: Refreshed }
  | { is: "stop" };

/** What the worker tells its window. */
export type ToWindow = { is: "state"; state: EngineState } | { is: "refresh"; n: number; expiresAt: number };

/** The part of a worker's scope that is used. */
export interface Scope {
  postMessage(message: ToWindow): void;
  onmessage: ((event: { data: ToWorker }) => void) | null;
  close(): void;
}

const timers: Timers = {
  now: () => Date.now(),
  steady: () => performance.now(),
  random: () => Math.random(),
  set: (work, wait) => setTimeout(work, wait),
  clear: (timer) => clearTimeout(timer as ReturnType<typeof setTimeout> | undefined),
};

export function serve(scope: Scope): void {
  let run: EngineRun | undefined;
  let last = 0;
  const accounts = new Accounts();
  const waiting = new Map<number, (answer: Refreshed) => void>();
  const refresh = (expiresAt: number) =>
    new Promise<Refreshed>((resolve) => {
      last += 1;
      waiting.set(last, resolve);
      scope.postMessage({ is: "refresh", n: last, expiresAt });
    });
  const start = ({ user, device, isVisible }: Extract<ToWorker, { is: "start" }>) =>
    new EngineRun({
      self: { user, device },
      http: new Http(
        (address, request) => fetch(address, request),
        (time) => AbortSignal.timeout(time),
        () => accounts.holds({ user, device }, navigator.locks),
      ),
      open: (protocol) => new WebSocket(socketAddress(location), protocol) as unknown as SocketLike,
      locks: navigator.locks,
      bus: new Bus(new BroadcastChannel(`ferry-${user}`) as unknown as Channel),
      timers,
      host: { refresh },
      isVisible,
      onState: (state) => scope.postMessage({ is: "state", state }),
    });
  scope.onmessage = ({ data }) => {
    switch (data.is) {
      case "start":
        run = start(data);
        quietly(run.start());
        break;
      case "visibility":
        run?.visibility(data.isVisible);
        break;
      case "try":
        run?.tryNow();
        break;
      case "refreshed":
        waiting.get(data.n)?.(data.answer);
        waiting.delete(data.n);
        break;
      case "stop":
        run?.stop();
        scope.close();
        break;
    }
  };
}

/** Returns where the socket is. It is at the origin of the page, as everything is. */
export function socketAddress({ protocol, host }: { protocol: string; host: string }): string {
  return `${protocol === "https:" ? "wss:" : "ws:"}//${host}/v1/socket`;
}

// A window imports this file for its types, and tests for its functions.
if (typeof importScripts === "function") {
  serve(self as unknown as Scope);
}
