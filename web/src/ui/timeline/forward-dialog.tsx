/** Chooses the room that a message is forwarded to. */
import { useState } from "preact/hooks";
import { fold, hasWords, searchWords } from "../../core/fold.ts";
import type { Target } from "../../core/message.ts";
import { t } from "../../i18n/words.ts";
import type { RoomRow } from "../../state/model.ts";
import { useApp } from "../app-context.ts";
import { Avatar } from "../basics/avatar.tsx";
import { Dialog } from "../basics/dialog.tsx";
import { SearchField } from "../basics/field.tsx";
import type { RoomView } from "./room-view.ts";

export default function ForwardDialog(props: { view: RoomView; target: Target; onClose(): void }) {
  const { rooms } = useApp();
  const [words, setWords] = useState("");
  const wanted = searchWords(words);
  const shown = rooms.list.value.filter((row) => row.isMember && hasWords(fold(row.name), wanted));
  return (
    <Dialog title={t("forward.title")} onClose={props.onClose}>
      <p class="hint">{t("forward.text")}</p>
      <SearchField label={t("list.find")} value={words} onValue={setWords} />
      {shown.length === 0 ? (
        <p class="hint">{wanted.length > 0 ? t("list.nothing_found") : t("forward.none")}</p>
      ) : null}
      <ul class="list-box">
        {shown.map((row) => (
          <li key={row.id}>
            <button
              type="button"
              class="action"
              onClick={() => {
                props.onClose();
                void forward(props.view, props.target, row);
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

async function forward(view: RoomView, target: Target, { id, name }: RoomRow): Promise<void> {
  if (await view.attempt(view.room.forward(target, id))) {
    view.say(t("forward.done", { name }));
  }
}
