/** What this window is like: its width, and whether a finger points. */
import { type ReadonlySignal, signal } from "@preact/signals";

function watch(query: string): ReadonlySignal<boolean> {
  const list = matchMedia(query);
  const matches = signal(list.matches);
  list.addEventListener("change", (event) => {
    matches.value = event.matches;
  });
  return matches;
}

/** One pane at a time. */
export const isNarrow = watch("(max-width: 759px)");
/** The details take the place of the room. */
export const isTight = watch("(max-width: 1099px)");
export const isTouch = watch("(pointer: coarse)");
export const isDark = watch("(prefers-color-scheme: dark)");
export const isApple = /Mac|iPhone|iPad/.test(navigator.platform);

/** A clock that ticks while a screen needs it. */
export function everySecond(tick: () => void): () => void {
  const timer = setInterval(tick, 1_000);
  return () => clearInterval(timer);
}
