/** Chooses one of all the people of whom this device has heard. */
import { useId, useRef, useState } from "preact/hooks";
import { fold, hasWords, searchWords } from "../../core/fold.ts";
import type { Id } from "../../core/id.ts";
import { t } from "../../i18n/words.ts";
import type { Person } from "../../state/model.ts";
import { useApp } from "../app-context.ts";
import { Avatar } from "../basics/avatar.tsx";
import { Icon } from "../basics/icon.tsx";

const SHOWN_MAX = 8;

export function PersonField({ value, onValue }: { value: string; onValue(user: Id | ""): void }) {
  const { people, session } = useApp();
  const id = useId();
  const field = useRef<HTMLInputElement>(null);
  const [words, setWords] = useState("");
  const [isOpen, setOpen] = useState(false);
  const [at, setAt] = useState(0);
  const me = session.me.value?.id;
  const named = (person: Person) => (person.id === me ? t("room.you") : person.name);
  const chosen = people.known.value.find((person) => person.id === value);
  const wanted = searchWords(words);
  const options = isOpen
    ? people.known.value
        .filter((person) => hasWords(fold(`${named(person)} ${person.name} ${person.username}`), wanted))
        .slice(0, SHOWN_MAX)
    : [];
  const active = options[Math.min(at, options.length - 1)];
  const choose = (person: Person | undefined) => {
    if (person !== undefined) {
      onValue(person.id);
      setWords("");
      setOpen(false);
    }
  };
  const clear = () => {
    onValue("");
    setWords("");
    field.current?.focus();
  };
  const keyDown = (event: KeyboardEvent) => {
    if (event.isComposing || event.keyCode === 229) {
      return;
    }
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (step !== 0) {
      event.preventDefault();
      setOpen(true);
      setAt((Math.min(at, options.length - 1) + step + options.length) % Math.max(1, options.length));
    } else if (event.key === "Enter" && active !== undefined) {
      event.preventDefault();
      choose(active);
    } else if (event.key === "Escape" && isOpen) {
      event.preventDefault();
      event.stopPropagation();
      setOpen(false);
    }
  };
  return (
    <div class="field person-field">
      <label class="label" for={id}>
        {t("search.from")}
      </label>
      <div class="with-button">
        <input
          ref={field}
          id={id}
          class="input"
          type="text"
          role="combobox"
          aria-expanded={options.length > 0}
          aria-controls={`${id}-list`}
          aria-autocomplete="list"
          aria-activedescendant={active === undefined ? undefined : `${id}-${active.id}`}
          placeholder={t("search.anybody")}
          autocomplete="off"
          spellcheck={false}
          dir="auto"
          value={chosen === undefined || isOpen ? words : named(chosen)}
          onFocus={() => {
            setOpen(true);
            setAt(0);
          }}
          onBlur={() => setOpen(false)}
          onInput={(event) => {
            setWords(event.currentTarget.value);
            setOpen(true);
            setAt(0);
          }}
          onKeyDown={keyDown}
        />
        {chosen === undefined ? null : (
          <button type="button" class="icon-button" aria-label={t("search.any_person")} onClick={clear}>
            <Icon name="close" size={18} />
          </button>
        )}
      </div>
      <div
        id={`${id}-list`}
        class="choices"
        role="listbox"
        aria-label={t("search.from")}
        hidden={options.length === 0}
      >
        {options.map((person) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the field has the keys
          <div
            key={person.id}
            id={`${id}-${person.id}`}
            class="option"
            role="option"
            tabIndex={-1}
            aria-selected={person === active}
            onPointerDown={(event) => event.preventDefault()}
            onClick={() => choose(person)}
          >
            <Avatar id={person.id} name={person.name} size="tiny" />
            <bdi class="grow one-line">{named(person)}</bdi>
            <span class="faint">
              @<bdi>{person.username}</bdi>
            </span>
          </div>
        ))}
      </div>
    </div>
  );
}
