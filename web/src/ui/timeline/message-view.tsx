/** A message, with everything that stands on it. */
import { useState } from "preact/hooks";
import { moment, time } from "../../i18n/dates.ts";
import { t } from "../../i18n/words.ts";
import type { MessageRow } from "../../state/room-model.ts";
import { Avatar } from "../basics/avatar.tsx";
import { Icon } from "../basics/icon.tsx";
import type { Place } from "../basics/menu.tsx";
import { hueOf } from "../names.ts";
import { BodyText } from "./body-text.tsx";
import { useLongPress } from "./long-press.ts";
import { MarkSign } from "./mark-sign.tsx";
import { MessageMenu } from "./message-menu.tsx";
import { Quote } from "./quote.tsx";
import { Reactions } from "./reactions.tsx";
import { useRoomView } from "./room-view.ts";
import { Trouble } from "./trouble.tsx";

export function MessageView({
  row,
  isActive,
  isLit,
}: {
  row: MessageRow;
  isActive: boolean;
  isLit: boolean;
}) {
  const view = useRoomView();
  const [menuAt, openMenu] = useState<Place>();
  const press = useLongPress(openMenu);
  const kind = view.room.row.value?.kind;
  const hasAvatar = kind !== "direct" && !row.isMine;
  const isFailed = row.problem !== undefined && row.problem.retryAt === undefined;
  const classes = ["message"];
  const states: [string, boolean][] = [
    ["mine", row.isMine],
    ["first", row.isFirstOfAuthor],
    ["called", row.mentionsMe],
    ["failed", isFailed],
    ["plain", !hasAvatar],
    ["lit", isLit],
  ];
  classes.push(...states.filter(([, is]) => is).map(([name]) => name));
  return (
    <article
      class={classes.join(" ")}
      data-key={row.key}
      tabIndex={isActive ? 0 : -1}
      aria-label={labelOf(row)}
      onKeyDown={(event) => {
        const opens =
          event.key === "Enter" || event.key === "ContextMenu" || (event.shiftKey && event.key === "F10");
        if (opens && event.target === event.currentTarget) {
          event.preventDefault();
          openMenu(event.currentTarget.querySelector(".bubble") ?? event.currentTarget);
        }
      }}
    >
      {hasAvatar ? (
        <span>
          {row.isFirstOfAuthor ? <Avatar id={row.author.id} name={row.author.name} size="small" /> : null}
        </span>
      ) : null}
      <div class="stack">
        <div class="bubble" {...press}>
          {hasAvatar && row.isFirstOfAuthor ? (
            <bdi class={`author ${hueOf(row.author.id)}`}>{row.author.name}</bdi>
          ) : null}
          {row.reply === undefined ? null : <Quote reply={row.reply} />}
          {row.content.is === "forward" ? (
            <span class="forwarded">
              {t("row.forwarded", { name: row.content.from, when: moment(row.content.at) })}
            </span>
          ) : null}
          <div class="text-line">
            <Content row={row} />
            <div class="meta">
              {row.isEdited ? <span>{t("row.edited")}</span> : null}
              <time dateTime={new Date(row.at).toISOString()} title={moment(row.at)}>
                {time(row.at)}
              </time>
              {row.mark === undefined || isFailed ? null : <MarkSign mark={row.mark} />}
            </div>
          </div>
        </div>
        <Reactions row={row} isActive={isActive} />
        <Trouble row={row} />
        <Tools row={row} openMenu={openMenu} />
      </div>
      {menuAt === undefined ? null : (
        <MessageMenu row={row} place={menuAt} onClose={() => openMenu(undefined)} />
      )}
    </article>
  );
}

function Content({ row: { content } }: { row: MessageRow }) {
  switch (content.is) {
    case "text":
    case "forward":
      return <BodyText text={content.text} />;
    case "deleted":
      return <div class="body gone">{t("row.deleted", { name: content.by })}</div>;
    case "sealed":
      return <div class="body gone">{t("row.sealed")}</div>;
    case "unknown":
      return <div class="body gone">{t("row.unknown", { kind: content.kind })}</div>;
  }
}

function Tools({ row, openMenu }: { row: MessageRow; openMenu(place: Place): void }) {
  const view = useRoomView();
  if (row.content.is === "deleted") {
    return null;
  }
  return (
    <div class="tools">
      <button
        type="button"
        class="icon-button"
        tabIndex={-1}
        aria-label={t("menu.reply")}
        title={t("menu.reply")}
        onClick={() => view.reply(row)}
      >
        <Icon name="reply" size={18} flips />
      </button>
      <button
        type="button"
        class="icon-button"
        tabIndex={-1}
        aria-label={t("menu.more")}
        title={t("menu.more")}
        aria-haspopup="menu"
        onClick={(event) => openMenu(event.currentTarget)}
      >
        <Icon name="more" size={18} />
      </button>
    </div>
  );
}

/** What a screen reader says of a row: who, what, when, and what became of it. */
function labelOf(row: MessageRow): string {
  const { content } = row;
  const text =
    content.is === "text" || content.is === "forward"
      ? content.text.slice(0, 500)
      : content.is === "deleted"
        ? t("row.deleted", { name: content.by })
        : content.is === "sealed"
          ? t("row.sealed")
          : t("row.unknown", { kind: content.kind });
  const parts = [
    t("row.label", { name: row.isMine ? t("room.you") : row.author.name, text, time: time(row.at) }),
    row.isEdited ? t("row.edited") : "",
    row.mark === undefined ? "" : t(`mark.${row.mark}`),
  ];
  return parts.filter((part) => part !== "").join(", ");
}
