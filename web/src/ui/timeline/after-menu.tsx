/**
 * The dialog that a menu leads to. A menu closes when something is chosen, so what it opens hangs
 * here and not below it.
 */
import { signal } from "@preact/signals";
import type { ComponentChild } from "preact";

type Draw = (close: () => void) => ComponentChild;

const shown = signal<Draw | undefined>(undefined);

export const afterMenu = {
  open(draw: Draw): void {
    shown.value = draw;
  },
  close(): void {
    shown.value = undefined;
  },
};

export function AfterMenu() {
  const draw = shown.value;
  return draw === undefined
    ? null
    : draw(() => {
        shown.value = undefined;
      });
}
