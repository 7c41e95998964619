/** The panes: the list, what is open, and the details of it. */
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { t } from "../../i18n/words.ts";
import { useApp } from "../app-context.ts";
import { isNarrow } from "../device.ts";
import { RoomScreen } from "../rooms/room-screen.tsx";
import { type Route, route } from "../route.ts";
import { AfterMenu, afterMenu } from "../timeline/after-menu.tsx";
import { lazy } from "./lazy.tsx";
import { overlay } from "./overlay.ts";
import { useShortcuts } from "./shortcuts.ts";
import { Sidebar } from "./sidebar.tsx";
import { Strip } from "./strip.tsx";
import { Welcome } from "./welcome.tsx";

const Switcher = lazy(() => import("./switcher.tsx"));
const Help = lazy(() => import("./help.tsx"));
const Logout = lazy(() => import("../session/logout-dialog.tsx"));
const People = lazy(() => import("../people/people.tsx"));
const Person = lazy(() => import("../people/person.tsx"));
const Invitations = lazy(() => import("../rooms/invitations.tsx"));
const Notices = lazy(() => import("../notices/notices.tsx"));
const NewRoom = lazy(() => import("../rooms/new-room.tsx"));
const Search = lazy(() => import("../search/search.tsx"));
const Settings = lazy(() => import("../settings/settings.tsx"));

export default function Shell({ hasUpdate }: { hasUpdate: boolean }) {
  const app = useApp();
  useShortcuts(app);
  const here = route.value;
  useTitle();
  useNothingLeft();
  const close = () => {
    overlay.value = undefined;
  };
  const hasSide = here.at === "room" && here.side !== undefined;
  const place = here.at === "home" ? "home" : "away";
  return (
    <div class="shell">
      {/* biome-ignore lint/a11y/useValidAnchor: it goes to a place of the page */}
      <a class="skip" href="#main" onClick={focusMain}>
        {t("skip")}
      </a>
      <Strip hasUpdate={hasUpdate} />
      <div class={`panes ${place} ${hasSide ? "three" : ""}`}>
        {isNarrow.value && place === "away" ? null : <Sidebar />}
        {isNarrow.value && place === "home" ? null : <Pane here={here} />}
      </div>
      <AfterMenu />
      {overlay.value === "switcher" ? <Switcher onClose={close} /> : null}
      {overlay.value === "help" ? <Help onClose={close} /> : null}
      {overlay.value === "logout" ? <Logout onClose={close} /> : null}
    </div>
  );
}

function Pane({ here }: { here: Route }) {
  useFocusOnArrival(here);
  switch (here.at) {
    case "home":
      return <Welcome />;
    case "room":
      return <RoomScreen key={here.room} here={here} />;
    case "people":
      return <People tab={here.tab} />;
    case "person":
      return <Person key={here.user} user={here.user} />;
    case "invitations":
      return <Invitations />;
    case "notices":
      return <Notices />;
    case "new":
      return <NewRoom tab={here.tab} />;
    case "search":
      return <Search room={here.room} />;
    case "settings":
      return <Settings section={here.section} />;
  }
}

function focusMain(event: Event): void {
  event.preventDefault();
  document.querySelector<HTMLElement>("#main textarea, #main")?.focus();
}

/** On a phone the screen changes as a whole, so the focus goes to its heading. */
function useFocusOnArrival(here: Route): void {
  const last = useRef(here);
  useEffect(() => {
    const isOther = last.current.at !== here.at;
    last.current = here;
    const isElsewhere = document.activeElement === null || document.activeElement === document.body;
    if (isOther && isElsewhere) {
      document.querySelector<HTMLElement>("#main")?.focus();
    }
  }, [here]);
}

/** What is open belongs to this login. The next one may be another user's. */
function useNothingLeft(): void {
  useLayoutEffect(
    () => () => {
      overlay.value = undefined;
      afterMenu.close();
      document.title = "Ferry";
    },
    [],
  );
}

/** The title says what is unread. */
function useTitle(): void {
  const { messages } = useApp().rooms.total.value;
  const here = route.value;
  const rooms = useApp().rooms.list.value;
  const name = here.at === "room" ? rooms.find(({ id }) => id === here.room)?.name : undefined;
  useLayoutEffect(() => {
    const count = messages > 0 ? `(${messages}) ` : "";
    document.title = name === undefined ? `${count}Ferry` : `${count}${name} · Ferry`;
  }, [messages, name]);
}
