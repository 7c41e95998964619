/** The entry of the page: the app over the browser, and the screens over the app. */
import { signal } from "@preact/signals";
import { browserApp, scriptPolicy } from "./browser.ts";
import { quietly } from "./core/quietly.ts";
import { lookUp } from "./i18n/words.ts";
import { start } from "./ui/start.tsx";
import { holdVersion, ownVersion, tidyAddress, watchBadge, watchUpdates, withUpdates } from "./updates.ts";

const VERSION = "0.0.0";

tidyAddress();
keepOneColour();
const policy = scriptPolicy();
const app = browserApp((key, values) => lookUp(key, values) ?? "", policy, VERSION);
const version = ownVersion();
if (version !== undefined) {
  // Before the service worker hears of this page: it keeps the files of pages that have said so.
  holdVersion(version);
}
const isReady = version === undefined ? signal(false) : watchUpdates(policy, version, app);
watchBadge(app);
const root = document.querySelector("#app");
if (root !== null) {
  start(withUpdates(app, isReady), root);
}
quietly(app.start());

/** The page has a colour for each theme, until the app sets that of the user's choice. */
function keepOneColour(): void {
  for (const colour of document.querySelectorAll<HTMLMetaElement>('meta[name="theme-color"]')) {
    matchMedia(colour.media).matches ? colour.removeAttribute("media") : colour.remove();
  }
}
