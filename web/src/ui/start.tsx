/** Starts the screens in an element of the page. */
import { render } from "preact";
import type { App } from "../state/model.ts";
import { Root } from "./root.tsx";

export function start(app: App, element: Element): void {
  render(<Root app={app} />, element);
}
