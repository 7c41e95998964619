/** The reactions to a message. A click adds one's own, or takes it back. */
import { listed } from "../../i18n/dates.ts";
import { t } from "../../i18n/words.ts";
import type { MessageRow } from "../../state/room-model.ts";
import { useRoomView } from "./room-view.ts";

/** More names than these are counted. */
const NAMES_MAX = 20;

export function Reactions({ row, isActive }: { row: MessageRow; isActive: boolean }) {
  const view = useRoomView();
  if (row.reactions.length === 0) {
    return null;
  }
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset is for forms
    <div class="reactions" role="group" aria-label={t("reactions.label")}>
      {row.reactions.map(({ emoji, count, isMine, names }) => {
        const who = listed(names.slice(0, NAMES_MAX));
        return (
          <button
            key={emoji}
            type="button"
            class="reaction"
            // Tab goes on from the message that has the focus, and not through all of them.
            tabIndex={isActive ? 0 : -1}
            aria-pressed={isMine}
            aria-label={t("reactions.one", { emoji, n: count, names: who })}
            title={who}
            onClick={() => void view.attempt(view.room.react(row.target, emoji, isMine))}
          >
            <bdi class="one-line">{emoji}</bdi>
            <span>{count}</span>
          </button>
        );
      })}
    </div>
  );
}
