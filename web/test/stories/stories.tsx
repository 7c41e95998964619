/**
 * The page of the stories: every screen over the small world. The address chooses one:
 * `?story=room&theme=dark&language=ru&dir=rtl`. Tests reach the world as `ferry`.
 */
import { start } from "../../src/ui/start.tsx";
import { FakeApp } from "./fake-app.ts";
import { HOSTILE, HOSTILE_LISTS } from "./hostile.ts";
import { BOB, LIN, ME, SIXTEEN } from "./people.ts";
import { ROOM } from "./rooms.ts";
import { STORIES } from "./story-list.ts";
import { say } from "./talk.ts";

const asked = new URLSearchParams(location.search);
const app = new FakeApp();
const story = STORIES[asked.get("story") ?? "home"];
app.values.value = {
  ...app.values.value,
  theme: asked.get("theme") === "dark" ? "dark" : "light",
  language: asked.get("language") === "ru" ? "ru" : asked.get("language") === "pseudo" ? "pseudo" : "en",
  reduceMotion: asked.has("still"),
};
app.isSlow = asked.has("slow");
document.documentElement.dir = asked.get("dir") === "rtl" ? "rtl" : "ltr";
const set = story?.(app);
if (location.hash === "" && set !== undefined) {
  history.replaceState(null, "", set);
}
Object.assign(globalThis, {
  ferry: {
    app,
    stories: Object.keys(STORIES),
    say,
    ROOM,
    ME,
    BOB,
    LIN,
    SIXTEEN,
    hostile: (text: string) => HOSTILE(app, text),
    hostileLists: (texts: string[]) => HOSTILE_LISTS(app, texts),
  },
});
const root = document.querySelector("#app");
if (root !== null) {
  start(app, root);
}
