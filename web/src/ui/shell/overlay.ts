/** The dialog that lies over everything, if there is one. */
import { signal } from "@preact/signals";

export const overlay = signal<"switcher" | "help" | "logout" | undefined>(undefined);
