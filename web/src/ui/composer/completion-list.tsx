/** The list of what can be completed. The focus stays in the field. */
import type { RefObject } from "preact";
import { useEffect, useState } from "preact/hooks";
import { fold } from "../../core/fold.ts";
import { t } from "../../i18n/words.ts";
import type { Member } from "../../state/room-model.ts";
import { Avatar } from "../basics/avatar.tsx";
import { useRoomView } from "../timeline/room-view.ts";
import type { Completion } from "./completion.ts";
import { type Emoji, findEmoji, loadEmoji } from "./emoji.ts";

const SHOWN_MAX = 6;

interface Props {
  completion: Completion;
  field: RefObject<HTMLTextAreaElement | null>;
  onChoose(chosen: string): void;
  onClose(): void;
}

interface Option {
  key: string;
  put: string;
  member?: Member;
  emoji?: Emoji;
}

export function CompletionList({ completion, field, onChoose, onClose }: Props) {
  const options = useOptions(completion);
  const [at, setAt] = useState(0);
  useEffect(() => setAt(0), [completion.words]);
  const chosen = Math.min(at, options.length - 1);
  useEffect(() => {
    const element = field.current;
    const listen = (event: KeyboardEvent) => {
      const option = options[chosen];
      if (event.isComposing || event.keyCode === 229 || option === undefined) {
        return;
      }
      const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
      const isDone = event.key === "Tab" || (event.key === "Enter" && !event.shiftKey);
      if (step === 0 && !isDone && event.key !== "Escape") {
        return;
      }
      // The list goes first, and the field hears nothing of it.
      event.preventDefault();
      event.stopImmediatePropagation();
      if (step !== 0) {
        setAt((chosen + step + options.length) % options.length);
      } else if (isDone) {
        onChoose(option.put);
      } else {
        onClose();
      }
    };
    element?.addEventListener("keydown", listen, { capture: true });
    return () => element?.removeEventListener("keydown", listen, { capture: true });
  });
  useEffect(() => {
    const element = field.current;
    const option = options[chosen];
    if (option !== undefined) {
      element?.setAttribute("aria-activedescendant", `completion-${option.key}`);
    }
    return () => element?.removeAttribute("aria-activedescendant");
  }, [options, chosen]);
  if (options.length === 0) {
    return null;
  }
  return (
    <div class="completion" id="completion" role="listbox" aria-label={t(`completion.${completion.what}`)}>
      {options.map((option, index) => (
        // biome-ignore lint/a11y/useKeyWithClickEvents: the field has the keys
        <div
          key={option.key}
          id={`completion-${option.key}`}
          class="option"
          role="option"
          tabIndex={-1}
          aria-selected={index === chosen}
          onPointerDown={(event) => event.preventDefault()}
          onClick={() => onChoose(option.put)}
        >
          {option.member === undefined ? null : (
            <>
              <Avatar id={option.member.user} name={option.member.name} size="tiny" />
              <bdi class="grow one-line">{option.member.name}</bdi>
              <bdi class="faint">@{option.member.username}</bdi>
            </>
          )}
          {option.emoji === undefined ? null : (
            <>
              <span class="glyph">{option.emoji.glyph}</span>
              <span class="grow one-line">{option.emoji.label}</span>
            </>
          )}
        </div>
      ))}
    </div>
  );
}

function useOptions({ what, words }: Completion): Option[] {
  const { room } = useRoomView();
  const [emoji, setEmoji] = useState<Emoji[][]>();
  useEffect(() => {
    if (what === "emoji") {
      // Without the data there is nothing to complete.
      loadEmoji().then(setEmoji, () => undefined);
    }
  }, [what]);
  if (what === "emoji") {
    const found = emoji === undefined ? [] : findEmoji(emoji, words, SHOWN_MAX);
    return found.map((one) => ({ key: one.glyph, put: one.glyph, emoji: one }));
  }
  const wanted = fold(words);
  const starts = (text: string) =>
    fold(text)
      .split(/\s+/)
      .some((word) => word.startsWith(wanted));
  return room.members.value
    .filter(({ username, name }) => starts(username) || starts(name))
    .slice(0, SHOWN_MAX)
    .map((member) => ({ key: member.user, put: `@${member.username}`, member }));
}
