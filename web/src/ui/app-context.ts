/** What the screens work on. */
import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { App } from "../state/model.ts";

export const AppContext = createContext<App | undefined>(undefined);

export function useApp(): App {
  const app = useContext(AppContext);
  if (app === undefined) {
    throw new Error("a screen is outside of the app");
  }
  return app;
}
