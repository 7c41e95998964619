/** Goes to a room or a person by a few letters. Works without the relay. */
import { useEffect, useRef, useState } from "preact/hooks";
import { fold, hasWords, searchWords } from "../../core/fold.ts";
import { t } from "../../i18n/words.ts";
import type { App } from "../../state/model.ts";
import { useApp } from "../app-context.ts";
import { Avatar } from "../basics/avatar.tsx";
import { Dialog } from "../basics/dialog.tsx";
import { ProblemText } from "../basics/problem.tsx";
import { useTask } from "../basics/task.ts";
import { go } from "../route.ts";

const SHOWN_MAX = 8;

interface Option {
  id: string;
  name: string;
  detail: string;
  picture: { id: string; kind: "direct" | "group" | "channel" };
  unread: number;
  room?: string;
}

export default function Switcher({ onClose }: { onClose(): void }) {
  const app = useApp();
  const task = useTask();
  const [words, setWords] = useState("");
  const [at, setAt] = useState(0);
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current?.focus(), []);
  const options = optionsOf(app, words);
  const chosen = Math.min(at, options.length - 1);
  const open = async (option: Option | undefined) => {
    if (option === undefined) {
      return;
    }
    const room = option.room ?? (await task.run(() => app.rooms.direct(option.id)))?.value;
    if (room !== undefined) {
      onClose();
      go({ at: "room", room });
    }
  };
  return (
    <Dialog title={t("switcher.title")} kind="top" isTitleHidden onClose={onClose}>
      <input
        ref={field}
        class="input"
        type="text"
        role="combobox"
        aria-expanded="true"
        aria-controls="switcher-list"
        aria-autocomplete="list"
        aria-activedescendant={options[chosen] === undefined ? undefined : `switch-${chosen}`}
        aria-label={t("switcher.label")}
        placeholder={t("switcher.label")}
        autocomplete="off"
        spellcheck={false}
        dir="auto"
        value={words}
        onInput={(event) => {
          setWords(event.currentTarget.value);
          setAt(0);
        }}
        onKeyDown={(event) => {
          if (event.isComposing || event.keyCode === 229) {
            return;
          }
          const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
          if (step !== 0) {
            event.preventDefault();
            setAt((chosen + step + options.length) % Math.max(1, options.length));
          } else if (event.key === "Enter") {
            event.preventDefault();
            void open(options[chosen]);
          }
        }}
      />
      {task.problem === undefined ? null : <ProblemText problem={task.problem} />}
      <div id="switcher-list" role="listbox" aria-label={t("switcher.title")}>
        {options.map((option, index) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the field has the keys
          <div
            key={option.id}
            id={`switch-${index}`}
            class="option"
            role="option"
            tabIndex={-1}
            aria-selected={index === chosen}
            onClick={() => void open(option)}
          >
            <Avatar {...option.picture} name={option.name} size="small" />
            <bdi class="grow one-line">{option.name}</bdi>
            <span class="faint">{option.detail}</span>
            {option.unread > 0 ? <span class="badge">{option.unread}</span> : null}
          </div>
        ))}
      </div>
      {options.length === 0 ? (
        <p class="hint">{words.trim() === "" ? t("switcher.empty") : t("switcher.none")}</p>
      ) : null}
    </Dialog>
  );
}

/** Rooms, and friends without a room. Those with something new come first. */
function optionsOf(app: App, words: string): Option[] {
  const wanted = searchWords(words);
  const rooms = [...app.rooms.list.value, ...app.rooms.hidden.value];
  const peers = new Set(rooms.map(({ peer }) => peer));
  const all: Option[] = [
    ...rooms.map((row) => ({
      id: row.id,
      name: row.name,
      detail: row.kind === "direct" ? "" : t(`room.kind_${row.kind}`),
      picture: { id: row.peer ?? row.id, kind: row.kind },
      unread: row.isMuted ? 0 : row.unread,
      room: row.id,
    })),
    ...app.people.friends.value
      .filter(({ id }) => !peers.has(id))
      .map(({ id, name, username }) => ({
        id,
        name,
        detail: `@${username}`,
        picture: { id, kind: "direct" as const },
        unread: 0,
      })),
  ];
  const found = all.filter(({ name, detail }) => hasWords(fold(`${name} ${detail}`), wanted));
  const begins = ({ name }: Option) => (wanted[0] !== undefined && fold(name).startsWith(wanted[0]) ? 1 : 0);
  return found
    .toSorted(
      (one, other) => begins(other) - begins(one) || Number(other.unread > 0) - Number(one.unread > 0),
    )
    .slice(0, SHOWN_MAX);
}
