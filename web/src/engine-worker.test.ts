import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { EngineState } from "./db/changes.ts";
import type { ToWindow, ToWorker } from "./engine/worker.ts";
import { startEngine, type WorkerLike } from "./engine-worker.ts";

class FakeWorker implements WorkerLike {
  readonly told: ToWorker[] = [];
  isOver = false;
  onmessage: WorkerLike["onmessage"] = null;
  onerror: WorkerLike["onerror"] = null;

  postMessage(message: ToWorker): void {
    this.told.push(message);
  }

  terminate(): void {
    this.isOver = true;
  }

  says(data: ToWindow): void {
    this.onmessage?.({ data } as MessageEvent<ToWindow>);
  }

  fails(): void {
    this.onerror?.({} as ErrorEvent);
  }
}

let workers: FakeWorker[];
let states: EngineState[];
beforeEach(() => {
  vi.useFakeTimers();
  workers = [];
  states = [];
});
afterEach(() => {
  vi.useRealTimers();
});

function start() {
  const plan = {
    user: "me",
    device: "mine",
    isVisible: true,
    refresh: async () => "renewed" as const,
    onState: (state: EngineState) => states.push(state),
  };
  return startEngine(plan, () => {
    const worker = new FakeWorker();
    workers.push(worker);
    return worker;
  });
}

it("51: an engine whose script does not load says so, and another one is tried", () => {
  const engine = start();
  workers[0]?.fails();
  expect(workers[0]?.isOver).toBe(true);
  expect(states).toMatchObject([{ is: "offline", why: "relay" }]);
  engine.visibility(false);
  vi.advanceTimersByTime(10_000);
  // It hears what is so now, and not what was.
  expect(workers[1]?.told).toEqual([{ is: "start", user: "me", device: "mine", isVisible: false }]);
  workers[1]?.says({ is: "state", state: { is: "online" } });
  expect(states.at(-1)).toEqual({ is: "online" });
});

it("31: an engine that did not load is tried at once if the user asks for it", () => {
  const engine = start();
  workers[0]?.fails();
  engine.tryNow();
  expect(workers.length).toBe(2);
  // The wait is over with it.
  vi.advanceTimersByTime(20_000);
  expect(workers.length).toBe(2);
});

it("an error of an engine that runs does not end it, and one that was stopped is not started", () => {
  const engine = start();
  workers[0]?.says({ is: "state", state: { is: "connecting" } });
  workers[0]?.fails();
  expect(workers[0]?.isOver).toBe(false);
  engine.stop();
  const other = start();
  workers[1]?.fails();
  other.stop();
  vi.advanceTimersByTime(60_000);
  expect(workers.length).toBe(2);
});
