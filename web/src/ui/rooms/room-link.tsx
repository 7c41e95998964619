/** A room in the list: its last message, and what is new. */
import { when } from "../../i18n/dates.ts";
import { t } from "../../i18n/words.ts";
import type { RoomRow } from "../../state/model.ts";
import { Avatar } from "../basics/avatar.tsx";
import { Icon } from "../basics/icon.tsx";
import { href } from "../route.ts";
import { MarkSign } from "../timeline/mark-sign.tsx";

export function RoomLink({ row, isOpen }: { row: RoomRow; isOpen: boolean }) {
  const hasNews = row.unread > 0 && !row.isMuted;
  return (
    <a
      class={`room-row ${hasNews || row.mentions > 0 ? "unread" : ""}`}
      href={href({ at: "room", room: row.id })}
      aria-current={isOpen ? "page" : undefined}
    >
      <Avatar id={row.peer ?? row.id} name={row.name} kind={row.kind} presence={row.presence} />
      <span class="middle">
        <span class="title">
          <bdi class="one-line">{row.name}</bdi>
          {row.isMuted ? (
            <>
              <Icon name="bell-off" size={14} />
              <span class="hidden-words">{t("room.muted")}</span>
            </>
          ) : null}
        </span>
        <span class="preview one-line">
          <Preview row={row} />
        </span>
      </span>
      <span class="end">
        {row.last === undefined ? null : <span class="when">{when(row.last.at)}</span>}
        <span class="badges">
          {row.mentions > 0 ? (
            <span class="badge call">
              <span aria-hidden="true">@{row.mentions}</span>
              <span class="hidden-words">{t("room.mentions", { n: row.mentions })}</span>
            </span>
          ) : null}
          {row.unread > 0 ? (
            <span class={row.isMuted ? "badge muted" : "badge"}>
              <span aria-hidden="true">{row.unread > 999 ? "999+" : row.unread}</span>
              <span class="hidden-words">{t("room.unread", { n: row.unread })}</span>
            </span>
          ) : null}
        </span>
      </span>
    </a>
  );
}

function Preview({ row }: { row: RoomRow }) {
  const [writer] = row.writing;
  if (writer !== undefined) {
    return (
      <span class="writing">
        {row.kind === "direct"
          ? t("room.writing")
          : row.writing.length === 1
            ? t("writing.one", { name: writer })
            : t("writing.many", { n: row.writing.length })}
      </span>
    );
  }
  if (row.draft !== undefined && row.draft !== "") {
    return (
      <>
        <span class="draft">{t("room.draft")}</span> <bdi>{row.draft}</bdi>
      </>
    );
  }
  const { last } = row;
  if (last === undefined) {
    return <>{row.isMember ? t("room.no_messages") : t("room.left")}</>;
  }
  const author = last.isMine ? t("room.you") : row.kind === "direct" ? undefined : last.author;
  return (
    <>
      {last.mark === undefined ? null : <MarkSign mark={last.mark} />}
      {author === undefined ? null : (
        <>
          <bdi>{author}</bdi>:{" "}
        </>
      )}
      <bdi>{last.text}</bdi>
    </>
  );
}
