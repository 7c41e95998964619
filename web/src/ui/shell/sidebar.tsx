/** The list of rooms, with what is above and below it. */
import { t } from "../../i18n/words.ts";
import { useApp } from "../app-context.ts";
import { Avatar } from "../basics/avatar.tsx";
import { Icon } from "../basics/icon.tsx";
import { Sign } from "../basics/scene.tsx";
import { isApple, isNarrow } from "../device.ts";
import { RoomList } from "../rooms/room-list.tsx";
import { href } from "../route.ts";

/** Alone on a phone the list is the content of the page. */
export function Sidebar() {
  return isNarrow.value ? (
    <main id="main" tabIndex={-1} class="list-main">
      <h1 class="hidden-words">{t("list.label")}</h1>
      <List />
    </main>
  ) : (
    <List />
  );
}

function List() {
  return (
    <nav class="list-pane" aria-label={t("list.label")}>
      <header class="head">
        <a class="brand grow" href={href({ at: "home" })}>
          <Sign />
          <b>Ferry</b>
        </a>
        <a
          class="icon-button"
          href={href({ at: "search" })}
          aria-label={t("search.title")}
          title={t("search.title")}
        >
          <Icon name="search" />
        </a>
        <a
          class="icon-button"
          href={href({ at: "new", tab: "create" })}
          aria-label={t("new.title")}
          title={t("new.title")}
        >
          <Icon name="plus" />
        </a>
      </header>
      <RoomList keys={isApple ? "⌘ K" : "Ctrl K"} />
      <Foot />
    </nav>
  );
}

function Foot() {
  const { session, notices, people } = useApp();
  const me = session.me.value;
  const name = me?.displayName ?? me?.username ?? "";
  const unread = notices.unread.value;
  const requests = people.requests.value.incoming.length;
  return (
    <footer class="foot">
      <a class="me" href={href({ at: "settings", section: "account" })}>
        {me === undefined ? null : <Avatar id={me.id} name={name} size="small" />}
        <bdi class="one-line name">{name}</bdi>
      </a>
      <a
        class="icon-button counted"
        href={href({ at: "people", tab: requests > 0 ? "requests" : "friends" })}
        aria-label={requests > 0 ? t("people.label_requests", { n: requests }) : t("people.title")}
        title={t("people.title")}
      >
        <Icon name="people" />
        {requests > 0 ? <i class="dot" /> : null}
      </a>
      <a
        class="icon-button counted"
        href={href({ at: "notices" })}
        aria-label={unread > 0 ? t("notices.label_unread", { n: unread }) : t("notices.title")}
        title={t("notices.title")}
      >
        <Icon name="bell" />
        {unread > 0 ? <i class="dot" /> : null}
      </a>
      <a
        class="icon-button"
        href={href({ at: "settings" })}
        aria-label={t("settings.title")}
        title={t("settings.title")}
      >
        <Icon name="settings" />
      </a>
    </footer>
  );
}
