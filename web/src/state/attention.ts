/** The user looks at the page, or away from it. */
import { quietly } from "../core/quietly.ts";
import type { Env } from "./env.ts";
import type { Mirror } from "./mirror.ts";

/**
 * Tells the engine where the user looks, and reads everything again. `afterLook` first looks whose
 * login it is now: the engine of an earlier one would take the connection of the present one.
 */
export function attend(env: Env, mirror: Mirror, afterLook: (work: () => void) => void): () => void {
  return env.onAttention((why) => {
    if (!env.isVisible()) {
      mirror.home.peek()?.engine.visibility(false);
      return;
    }
    afterLook(() => {
      const home = mirror.home.peek();
      home?.engine.visibility(true);
      if (why === "online") {
        home?.engine.tryNow();
      }
    });
    quietly(mirror.reread());
  });
}
