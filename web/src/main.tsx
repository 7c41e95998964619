/** The entry of the page. The engine hands its `App` to `start` here. */
export { start } from "./ui/start.tsx";
