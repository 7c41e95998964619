/** Chooses the room that a message is forwarded to. */
import { useState } from "preact/hooks";
import { fold, hasWords, searchWords } from "../../core/fold.ts";
import type { Target } from "../../core/message.ts";
import { t } from "../../i18n/words.ts";
import type { OpenRoom } from "../../state/room-model.ts";
import { useApp } from "../app-context.ts";
import { Avatar } from "../basics/avatar.tsx";
import { Dialog } from "../basics/dialog.tsx";
import { SearchField } from "../basics/field.tsx";

export default function ForwardDialog(props: { room: OpenRoom; target: Target; onClose(): void }) {
  const { rooms } = useApp();
  const [words, setWords] = useState("");
  const wanted = searchWords(words);
  const shown = rooms.list.value.filter((row) => row.isMember && hasWords(fold(row.name), wanted));
  return (
    <Dialog title={t("forward.title")} onClose={props.onClose}>
      <p class="hint">{t("forward.text")}</p>
      <SearchField label={t("list.find")} value={words} onValue={setWords} />
      <ul class="list-box">
        {shown.map((row) => (
          <li key={row.id}>
            <button
              type="button"
              class="action"
              onClick={() => {
                void props.room.forward(props.target, row.id);
                props.onClose();
              }}
            >
              <Avatar id={row.peer ?? row.id} name={row.name} kind={row.kind} size="small" />
              <bdi>{row.name}</bdi>
            </button>
          </li>
        ))}
      </ul>
    </Dialog>
  );
}
