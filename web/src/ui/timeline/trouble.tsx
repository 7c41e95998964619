/** Why a message is not sent, or reaches nobody, and what to do about it. */
import type { Id } from "../../core/id.ts";
import { listed } from "../../i18n/dates.ts";
import { t } from "../../i18n/words.ts";
import type { MessageRow } from "../../state/room-model.ts";
import { Icon } from "../basics/icon.tsx";
import { Wait, wordsOf } from "../basics/problem.tsx";
import { useRoomView } from "./room-view.ts";

export function Trouble({ row }: { row: MessageRow }) {
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
    return <Rejected id={target.message} words={wordsOf(problem)} hasText drop={t("menu.delete")} />;
  }
  if (row.failure !== undefined) {
    const { id, what, problem: why } = row.failure;
    const words = `${t(`trouble.${what}`)} ${wordsOf(why)}`;
    return <Rejected id={id} words={words} hasText={what === "edit"} drop={t("trouble.drop")} />;
  }
  if (unreachable.length > 0) {
    return (
      <div class="trouble soft">
        <span>
          <Icon name="warning" size={16} />
          {t("trouble.unreachable", { n: unreachable.length, names: listed(unreachable) })}
        </span>
      </div>
    );
  }
  return null;
}

/** What the relay does not take: the user tries it again, changes it, or drops it. */
function Rejected(props: { id: Id; words: string; hasText: boolean; drop: string }) {
  const view = useRoomView();
  const { id } = props;
  const takeBack = async () => {
    if (await view.attempt(view.room.takeBack(id))) {
      view.focusComposer();
    }
  };
  return (
    <div class="trouble">
      <span>{props.words}</span>
      <span class="buttons end">
        <button type="button" class="button small" onClick={() => void view.attempt(view.room.retry(id))}>
          {t("try_again")}
        </button>
        {props.hasText ? (
          <button type="button" class="button small" onClick={() => void takeBack()}>
            {t("menu.edit")}
          </button>
        ) : null}
        <button
          type="button"
          class="button small danger"
          onClick={() => void view.attempt(view.room.discard(id))}
        >
          {props.drop}
        </button>
      </span>
    </div>
  );
}
