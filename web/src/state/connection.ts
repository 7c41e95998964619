/** How the connection is doing, as the screens say it. */
import { computed, effect, type ReadonlySignal, signal } from "@preact/signals";
import { SKEW_MAX } from "../core/clock.ts";
import type { EngineState } from "../db/changes.ts";
import type { Env } from "./env.ts";
import type { Mirror } from "./mirror.ts";
import type { Connection } from "./model.ts";
import { problem } from "./problems.ts";

/** A loss that is shorter is not shown. */
export const QUIET = 2_000;

type State = Connection["state"]["value"];

export function connection(env: Env, mirror: Mirror): Connection & { end(): void } {
  const shown = signal<State>({ is: "connecting" });
  let timer: unknown;
  const end = effect(() => {
    const next = shownAs(mirror.home.value?.state.value ?? { is: "connecting" });
    const isLoss = next.is === "connecting" || next.is === "offline";
    const wasGood = ["online", "follower", "catching_up"].includes(shown.peek().is);
    if (isLoss && wasGood) {
      // Most losses are over before somebody has read the words. The attempts in between do not
      // begin the time anew.
      timer ??= env.set(() => {
        timer = undefined;
        shown.value = shownAs(mirror.home.peek()?.state.peek() ?? { is: "connecting" });
      }, QUIET);
    } else {
      env.clear(timer);
      timer = undefined;
      shown.value = next;
    }
  });
  const waiting: ReadonlySignal<number> = computed(
    () => mirror.outbox.value.filter(({ failed }) => failed === undefined).length,
  );
  const clockSkew = computed(() => {
    const { skew } = mirror.meta.value;
    return skew !== undefined && Math.abs(skew) > SKEW_MAX ? skew : undefined;
  });
  return {
    state: shown,
    waiting,
    clockSkew,
    limits: computed(() => limitsOf(mirror)),
    tryNow() {
      const home = mirror.home.peek();
      home?.engine.tryNow();
      home?.bus.post({ is: "try" });
    },
    end() {
      env.clear(timer);
      end();
    },
  };
}

/** What the relay takes. Until it has said so, what relays of this version take. */
export function limitsOf(mirror: Mirror): { frame: number } {
  return { frame: mirror.meta.value.frameLimit ?? 65_536 };
}

function shownAs(state: EngineState): State {
  switch (state.is) {
    case "offline": {
      const why = problem(state.why === "network" ? "unreachable" : "unavailable");
      return state.retryAt === undefined
        ? { is: "offline", why }
        : { is: "offline", why, retryAt: state.retryAt };
    }
    // The login has ended, or the page has to be reloaded: another screen says so.
    case "ended":
    case "outdated":
    case "store_lost":
      return { is: "offline", why: problem("unauthorized") };
    default:
      return state;
  }
}
