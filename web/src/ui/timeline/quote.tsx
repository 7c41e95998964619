/** What a message answers to. A click goes there, if it is here. */
import { markup, plainOf } from "../../core/markup.ts";
import { t } from "../../i18n/words.ts";
import type { MessageRow } from "../../state/room-model.ts";
import { useRoomView } from "./room-view.ts";

/** A quote has two lines; more of the text would not be seen. */
const QUOTE_MAX = 280;

export function Quote({ reply }: { reply: NonNullable<MessageRow["reply"]> }) {
  const view = useRoomView();
  if (!reply.isHere) {
    return (
      <div class="quote">
        <span>{t("quote.not_here")}</span>
      </div>
    );
  }
  const jump = async () => {
    if (!(await view.room.timeline.jumpTo(reply.target))) {
      view.say(t("quote.not_here"));
    }
  };
  return (
    <button
      type="button"
      class="quote"
      tabIndex={-1}
      onClick={() => void jump()}
      aria-label={t("quote.jump")}
    >
      <b>
        <bdi>{reply.author ?? t("quote.somebody")}</bdi>
      </b>
      <span dir="auto">{shortened(reply.text)}</span>
    </button>
  );
}

/** Returns a text in one line, without its markup. */
export function shortened(text: string | undefined): string {
  return text === undefined
    ? t("quote.deleted")
    : plainOf(markup(text.slice(0, QUOTE_MAX))).replace(/\s+/gu, " ");
}
