/** What a message answers to. A click goes there, if it is here. */
import { markup, plainOf } from "../../core/markup.ts";
import type { Target } from "../../core/message.ts";
import { t } from "../../i18n/words.ts";
import { attempt } from "../../state/failure.ts";
import type { MessageRow } from "../../state/room-model.ts";
import { wordsOf } from "../basics/problem.tsx";
import { type RoomView, useRoomView } from "./room-view.ts";

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
  return (
    <button
      type="button"
      class="quote"
      tabIndex={-1}
      onClick={() => void jumpTo(view, reply.target)}
      aria-label={t("quote.jump")}
    >
      <b>
        <bdi>{reply.author ?? t("quote.somebody")}</bdi>
      </b>
      <span dir="auto">{shortened(reply.text)}</span>
    </button>
  );
}

/** Goes to a message, and says so if it is not here. */
export async function jumpTo(view: RoomView, target: Target): Promise<void> {
  const jumped = await attempt(() => view.room.timeline.jumpTo(target));
  if (!jumped.ok) {
    view.say(wordsOf(jumped.problem), true);
  } else if (!jumped.value) {
    view.say(t("quote.not_here"));
  }
}

/** Returns a text in one line, without its markup. */
export function shortened(text: string | undefined): string {
  return text === undefined
    ? t("quote.deleted")
    : plainOf(markup(text.slice(0, QUOTE_MAX))).replace(/\s+/gu, " ");
}
