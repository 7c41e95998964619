/** The entry of the page: the app over the browser, and the screens over the app. */
import { browserApp, scriptPolicy } from "./browser.ts";
import { lookUp } from "./i18n/words.ts";
import { start } from "./ui/start.tsx";

const VERSION = "0.0.0";

const app = browserApp((key, values) => lookUp(key, values) ?? "", scriptPolicy(), VERSION);
const root = document.querySelector("#app");
if (root !== null) {
  start(app, root);
}
void app.start();
