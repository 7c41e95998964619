/** Why a message is not sent, or reaches nobody, and what to do about it. */
import { listed } from "../../i18n/dates.ts";
import { t } from "../../i18n/words.ts";
import type { MessageRow } from "../../state/room-model.ts";
import { Icon } from "../basics/icon.tsx";
import { Wait, wordsOf } from "../basics/problem.tsx";
import { useRoomView } from "./room-view.ts";

export function Trouble({ row }: { row: MessageRow }) {
  const view = useRoomView();
  const { problem, unreachable, target } = row;
  if (problem?.retryAt !== undefined) {
    return (
      <div class="trouble soft">
        <span>
          {wordsOf(problem)} <Wait until={problem.retryAt} />
        </span>
      </div>
    );
  }
  if (problem !== undefined) {
    const takeBack = async () => {
      const text = await view.room.discard(target.message);
      view.room.setDraft({ text, mentions: [] });
      view.focusComposer();
    };
    return (
      <div class="trouble">
        <span>{wordsOf(problem)}</span>
        <span class="buttons end">
          <button type="button" class="button small" onClick={() => void view.room.retry(target.message)}>
            {t("try_again")}
          </button>
          <button type="button" class="button small" onClick={() => void takeBack()}>
            {t("menu.edit")}
          </button>
          <button
            type="button"
            class="button small danger"
            onClick={() => void view.room.discard(target.message)}
          >
            {t("menu.delete")}
          </button>
        </span>
      </div>
    );
  }
  if (unreachable.length > 0) {
    return (
      <div class="trouble soft">
        <Icon name="warning" size={16} />
        <span>{t("trouble.unreachable", { n: unreachable.length, names: listed(unreachable) })}</span>
      </div>
    );
  }
  return null;
}
