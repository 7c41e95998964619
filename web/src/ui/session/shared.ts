/** Whether others use this computer too. Decides what a logout proposes. */
import { signal } from "@preact/signals";

export const isSharedComputer = signal(false);
