/** What can be done with a message. */
import { t } from "../../i18n/words.ts";
import type { MessageRow } from "../../state/room-model.ts";
import { Confirm } from "../basics/confirm.tsx";
import { Dialog } from "../basics/dialog.tsx";
import { Menu, type MenuItem, type Place, type Quick } from "../basics/menu.tsx";
import { go } from "../route.ts";
import { lazy } from "../shell/lazy.tsx";
import { afterMenu } from "./after-menu.tsx";
import { jumpTo } from "./quote.tsx";
import { type RoomView, useRoomView } from "./room-view.ts";

const QUICK = ["👍", "❤️", "😂", "😮", "😢", "🙏"];

export const ForwardDialog = lazy(() => import("./forward-dialog.tsx"));
export const EmojiDialog = lazy(() => import("../composer/emoji-dialog.tsx"));

export function MessageMenu(props: { row: MessageRow; place: Place; onClose(): void }) {
  const view = useRoomView();
  const { row } = props;
  return (
    <Menu
      label={t("menu.label")}
      place={props.place}
      onClose={props.onClose}
      items={itemsOf(row, view)}
      {...(row.content.is === "deleted" ? {} : { quick: quickOf(row, view) })}
    />
  );
}

function quickOf(row: MessageRow, view: RoomView): Quick[] {
  return QUICK.map((glyph) => {
    const isMine = row.reactions.some(({ emoji, isMine }) => emoji === glyph && isMine);
    const label = isMine ? t("menu.unreact", { emoji: glyph }) : t("menu.react", { emoji: glyph });
    return { glyph, label, run: () => void view.attempt(view.room.react(row.target, glyph, isMine)) };
  });
}

function itemsOf(row: MessageRow, view: RoomView): MenuItem[] {
  const { content, target } = row;
  const text = content.is === "text" || content.is === "forward" ? content.text : undefined;
  const isDeleted = content.is === "deleted";
  const items: (MenuItem | false)[] = [
    !isDeleted && { label: t("menu.reply"), icon: "reply", run: () => view.reply(row) },
    !isDeleted && {
      label: t("menu.react_more"),
      icon: "smile",
      run: () =>
        afterMenu.open((close) => (
          <EmojiDialog
            onClose={close}
            onChoose={(emoji) => {
              close();
              void view.attempt(view.room.react(target, emoji, false));
            }}
          />
        )),
    },
    row.may.edit && { label: t("menu.edit"), icon: "edit", run: () => view.edit(target) },
    row.reply?.isHere === true && {
      label: t("quote.jump"),
      icon: "back",
      run: () => void jumpTo(view, row.reply?.target ?? target),
    },
    text !== undefined && {
      label: t("menu.copy"),
      icon: "copy",
      run: () => void copy(view, text),
    },
    text !== undefined && {
      label: t("menu.select"),
      icon: "quote",
      run: () => afterMenu.open((close) => <SelectDialog text={text} onClose={close} />),
    },
    text !== undefined && {
      label: t("menu.forward"),
      icon: "share",
      run: () => afterMenu.open((close) => <ForwardDialog view={view} target={target} onClose={close} />),
    },
    row.isMine && {
      label: t("menu.info"),
      icon: "info",
      run: () => go({ at: "room", room: view.room.id, side: "receipts", ...target }),
    },
    !row.isMine && {
      label: t("menu.unread"),
      icon: "mail",
      run: () => void view.attempt(view.room.markUnread(target)),
    },
    row.may.remove &&
      !isDeleted && {
        label: t("menu.delete"),
        icon: "trash",
        isDanger: true,
        run: () =>
          afterMenu.open((close) => (
            <Confirm
              title={t("delete.title")}
              text={row.isMine ? t("delete.text") : t("delete.text_other", { name: row.author.name })}
              submit={t("menu.delete")}
              run={() => view.room.remove(target)}
              onClose={close}
            />
          )),
      },
  ];
  return items.filter((item): item is MenuItem => item !== false);
}

async function copy(view: RoomView, text: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
    view.say(t("copied"));
  } catch {
    // Without the permission the user copies it by hand.
    afterMenu.open((close) => <SelectDialog text={text} onClose={close} />);
  }
}

/** On a phone a long press opens the menu, so the text is selected here. */
function SelectDialog({ text, onClose }: { text: string; onClose(): void }) {
  return (
    <Dialog title={t("menu.select")} onClose={onClose}>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a long text scrolls by keys */}
      <div class="body list-box" dir="auto" tabIndex={0}>
        {text}
      </div>
    </Dialog>
  );
}
