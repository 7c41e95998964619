/** A room: its head, its timeline, the composer, and the details beside. */
import { useEffect, useState } from "preact/hooks";
import { quietly } from "../../core/quietly.ts";
import { t } from "../../i18n/words.ts";
import { useApp } from "../app-context.ts";
import { Avatar } from "../basics/avatar.tsx";
import { Empty } from "../basics/empty.tsx";
import { Icon } from "../basics/icon.tsx";
import { Composer } from "../composer/composer.tsx";
import { isTight } from "../device.ts";
import { go, href, type Route } from "../route.ts";
import { lazy } from "../shell/lazy.tsx";
import { jumpTo } from "../timeline/quote.tsx";
import { RoomView, RoomViewContext } from "../timeline/room-view.ts";
import { TimelinePane } from "../timeline/timeline-pane.tsx";
import { presenceWords } from "./presence-words.ts";

const Details = lazy(() => import("../details/details.tsx"));
const Receipts = lazy(() => import("../details/receipts.tsx"));

export function RoomScreen({ here }: { here: Extract<Route, { at: "room" }> }) {
  const app = useApp();
  const [view] = useState(() => new RoomView(app.openRoom(here.room)));
  useEffect(() => () => view.room.close(), [view]);
  const { side, message, from } = here;
  useEffect(() => {
    if (side === undefined && message !== undefined && from !== undefined) {
      quietly(jumpTo(view, { message, from }));
    }
  }, [side, message, from]);
  const row = view.room.row.value;
  if (row === undefined) {
    return (
      <main class="main-pane" id="main" tabIndex={-1}>
        <header class="head">
          <BackToList />
        </header>
        <Empty isPage drawing="buoy" title={t("room.not_here")} text={t("room.not_here_text")} />
      </main>
    );
  }
  // The timeline stays where it is while the details are in its place.
  const isHidden = isTight.value && side !== undefined;
  return (
    <RoomViewContext.Provider value={view}>
      <div
        class="main-pane room"
        role={isHidden ? undefined : "main"}
        id={isHidden ? undefined : "main"}
        tabIndex={-1}
      >
        <RoomHead view={view} hasDetails={side === "details"} />
        <TimelinePane />
        <Composer />
      </div>
      {side === "details" ? <Details /> : null}
      {side === "receipts" && message !== undefined ? <Receipts message={message} /> : null}
    </RoomViewContext.Provider>
  );
}

function BackToList() {
  return (
    <a class="icon-button back" href={href({ at: "home" })} aria-label={t("back_to_list")}>
      <Icon name="back" flips />
    </a>
  );
}

function RoomHead({ view, hasDetails }: { view: RoomView; hasDetails: boolean }) {
  const { room } = view;
  const row = room.row.value;
  if (row === undefined) {
    return null;
  }
  const members = room.members.value.length;
  const details = hasDetails ? t("details.hide") : t("details.show");
  return (
    <div class="head">
      <BackToList />
      <Avatar id={row.peer ?? row.id} name={row.name} kind={row.kind} size="small" />
      <div class="grow">
        <h1 class="one-line">
          <bdi>{row.name}</bdi>
        </h1>
        <span class="sub one-line">
          {row.kind === "direct"
            ? presenceWords(row.presence)
            : row.isMember
              ? t("room.members", { n: members })
              : t("room.left")}
          {row.description === undefined ? null : (
            <>
              {" · "}
              <bdi>{row.description}</bdi>
            </>
          )}
        </span>
      </div>
      <a
        class="icon-button"
        href={href({ at: "search", room: row.id })}
        aria-label={t("search.in_room")}
        title={t("search.in_room")}
      >
        <Icon name="search" />
      </a>
      <button
        type="button"
        class="icon-button"
        aria-label={details}
        title={details}
        aria-expanded={hasDetails}
        onClick={() =>
          go(hasDetails ? { at: "room", room: row.id } : { at: "room", room: row.id, side: "details" })
        }
      >
        <Icon name="info" />
      </button>
    </div>
  );
}
