/** The engine of a tab, in its worker, as the window sees it. */
import type { ToWindow, ToWorker } from "./engine/worker.ts";
import type { EngineHandle, EnginePlan } from "./state/env.ts";

/** The part of a `Worker` that is used. */
export interface WorkerLike {
  postMessage(message: ToWorker): void;
  terminate(): void;
  onmessage: ((event: MessageEvent<ToWindow>) => void) | null;
  onerror: ((event: ErrorEvent) => void) | null;
}

/** An engine that cannot be loaded is tried again after this time, in milliseconds. */
const ENGINE_AGAIN = 10_000;

/** Starts an engine in a worker that `make` makes, and another one if its script does not load. */
export function startEngine(plan: EnginePlan, make: () => WorkerLike): EngineHandle {
  let isStopped = false;
  let { isVisible } = plan;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const start = () => {
    const worker = make();
    let isThere = false;
    worker.onmessage = ({ data }) => {
      isThere = true;
      if (data.is === "state") {
        plan.onState(data.state);
      } else {
        const { n, expiresAt } = data;
        plan.refresh(expiresAt).then(
          (answer) => tell({ is: "refreshed", n, answer }),
          // The worker waits for an answer, and knows what to do after this one.
          () => tell({ is: "refreshed", n, answer: "unreachable" }),
        );
      }
    };
    // A script that does not load says so here, and then nothing comes of the worker. An error of
    // a worker that runs does not end it.
    worker.onerror = () => {
      if (isThere || isStopped) {
        return;
      }
      worker.terminate();
      plan.onState({ is: "offline", why: "relay", retryAt: Date.now() + ENGINE_AGAIN });
      timer = setTimeout(again, ENGINE_AGAIN);
    };
    worker.postMessage({ is: "start", user: plan.user, device: plan.device, isVisible } satisfies ToWorker);
    return worker;
  };
  let worker = start();
  const tell = (message: ToWorker) => worker.postMessage(message);
  const again = () => {
    clearTimeout(timer);
    timer = undefined;
    worker = start();
  };
  return {
    visibility(now) {
      isVisible = now;
      tell({ is: "visibility", isVisible });
    },
    tryNow() {
      if (timer === undefined) {
        tell({ is: "try" });
      } else {
        again();
      }
    },
    stop() {
      isStopped = true;
      clearTimeout(timer);
      tell({ is: "stop" });
    },
  };
}
