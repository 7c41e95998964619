/** What the text is about: the message that it answers, or the one that it changes. */
import { t } from "../../i18n/words.ts";
import type { DraftState } from "../../state/room-model.ts";
import { Icon } from "../basics/icon.tsx";
import { shortened } from "../timeline/quote.tsx";
import { useRoomView } from "../timeline/room-view.ts";

export function Bars({ draft, onCancel }: { draft: DraftState; onCancel(): void }) {
  const view = useRoomView();
  const target = draft.editing ?? draft.replyTo;
  if (target === undefined) {
    return null;
  }
  const row = view.rowOf(target);
  const text = row?.content.is === "text" || row?.content.is === "forward" ? row.content.text : undefined;
  const isEditing = draft.editing !== undefined;
  return (
    <div class="writing-bar">
      <Icon name={isEditing ? "edit" : "reply"} size={18} flips={!isEditing} />
      <div class="grow">
        <b>
          {isEditing
            ? t("composer.edits")
            : t("composer.replies", { name: row?.author.name ?? t("quote.somebody") })}
        </b>
        {text === undefined ? null : (
          <div class="one-line" dir="auto">
            {shortened(text)}
          </div>
        )}
      </div>
      <button
        type="button"
        class="icon-button"
        aria-label={t("cancel")}
        title={t("cancel")}
        onClick={onCancel}
      >
        <Icon name="close" size={18} />
      </button>
    </div>
  );
}
