/** Where a message is written. */
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { size } from "../../i18n/dates.ts";
import { t } from "../../i18n/words.ts";
import { useApp } from "../app-context.ts";
import { Icon } from "../basics/icon.tsx";
import { isTouch } from "../device.ts";
import { lazy } from "../shell/lazy.tsx";
import { useRoomView } from "../timeline/room-view.ts";
import { Bars } from "./bars.tsx";
import { Closed } from "./closed.tsx";
import { type Completion, completionAt, putIn } from "./completion.ts";
import { CompletionList } from "./completion-list.tsx";
import { excessOf, FRAME_ROOM } from "./excess.ts";
import { mentionsIn } from "./mentions.ts";
import { WritingLine } from "./writing-line.tsx";

const EmojiDialog = lazy(() => import("./emoji-dialog.tsx"));

export function Composer() {
  const { room } = useRoomView();
  const may = room.mayWrite.value;
  return (
    <div class="composer">
      <div class="composer-inner">
        <WritingLine />
        {may.ok ? <Writer /> : <Closed why={may.why} until={may.until} />}
      </div>
    </div>
  );
}

function Writer() {
  const view = useRoomView();
  const { room } = view;
  const { enterSends } = useApp().settings.values.value;
  const field = useRef<HTMLTextAreaElement>(null);
  const [text, setText] = useState(room.draft.peek().text);
  const [completion, setCompletion] = useState<Completion>();
  const [picks, setPicks] = useState(false);
  /** What was written before an edit began. It comes back after it. */
  const before = useRef("");
  /** The text that this field gave to the draft last. */
  const written = useRef(text);
  const draft = room.draft.value;
  const excess = excessOf(text);
  const isEditing = draft.editing !== undefined;
  const canSend = text.trim() !== "" && excess <= 0;

  view.focusComposer = () => field.current?.focus();

  // Another tab, or the menu of a message, changes the draft too. What was written here itself may
  // be behind the field by now, and must not take its place.
  useEffect(() => {
    const now = room.draft.peek().text;
    if (now !== written.current) {
      written.current = now;
      setText(now);
    }
    if (draft.editing !== undefined) {
      field.current?.focus();
    }
  }, [draft]);

  useLayoutEffect(() => {
    if (field.current !== null) {
      field.current.style.height = "auto";
      field.current.style.height = `${field.current.scrollHeight}px`;
    }
  }, [text]);

  // A finger did not ask for the keyboard.
  useEffect(() => {
    if (!isTouch.peek()) {
      field.current?.focus({ preventScroll: true });
    }
  }, []);

  const write = (next: string) => {
    setText(next);
    written.current = next;
    room.setDraft({ ...room.draft.peek(), text: next, mentions: mentionsIn(next, room.members.peek()) });
  };

  const send = async () => {
    if (!canSend) {
      return;
    }
    setText("");
    written.current = "";
    setCompletion(undefined);
    const wasEditing = room.draft.peek().editing !== undefined;
    await room.send();
    if (wasEditing) {
      write(before.current);
      before.current = "";
    } else {
      await view.toEnd();
    }
    field.current?.focus();
  };

  const cancel = () => {
    const text = isEditing ? before.current : room.draft.peek().text;
    before.current = "";
    written.current = text;
    room.setDraft({ text, mentions: mentionsIn(text, room.members.peek()) });
    setText(text);
    field.current?.focus();
  };

  const editLast = (): boolean => {
    const target = text === "" ? room.timeline.lastOwn() : undefined;
    if (target === undefined) {
      return false;
    }
    view.edit(target);
    return true;
  };

  const complete = (chosen: string) => {
    if (completion === undefined || field.current === null) {
      return;
    }
    const done = putIn(field.current.value, completion, chosen);
    write(done.text);
    setCompletion(undefined);
    // The caret can be put only when the field has the text.
    field.current.value = done.text;
    field.current.setSelectionRange(done.caret, done.caret);
    field.current.focus();
  };

  const keyDown = (event: KeyboardEvent) => {
    if (event.isComposing || event.keyCode === 229) {
      return;
    }
    if (event.key === "Enter" && !event.altKey) {
      const withCommand = event.ctrlKey || event.metaKey;
      const sends = enterSends ? !event.shiftKey : event.shiftKey || withCommand;
      if (sends) {
        event.preventDefault();
        void send();
      }
    } else if (event.key === "ArrowUp" && text === "" && !event.altKey && !event.shiftKey) {
      if (editLast()) {
        event.preventDefault();
      }
    } else if (event.key === "Escape") {
      event.preventDefault();
      if (isEditing || draft.replyTo !== undefined) {
        cancel();
      } else {
        void room.markRead();
      }
    }
  };

  return (
    <>
      {completion === undefined ? null : (
        <CompletionList
          completion={completion}
          field={field}
          onChoose={complete}
          onClose={() => setCompletion(undefined)}
        />
      )}
      <div class={excess > 0 ? "writing-box over" : "writing-box"}>
        <Bars draft={draft} onCancel={cancel} />
        <form
          class="writing-row"
          onSubmit={(event) => {
            event.preventDefault();
            void send();
          }}
        >
          <button
            type="button"
            class="icon-button"
            aria-label={t("composer.emoji")}
            title={t("composer.emoji")}
            onClick={() => setPicks(true)}
          >
            <Icon name="smile" />
          </button>
          <textarea
            ref={field}
            rows={1}
            value={text}
            dir="auto"
            placeholder={isEditing ? t("composer.editing") : t("composer.placeholder")}
            aria-label={isEditing ? t("composer.editing") : t("composer.placeholder")}
            aria-autocomplete="list"
            aria-controls={completion === undefined ? undefined : "completion"}
            enterkeyhint={enterSends ? "send" : "enter"}
            onInput={(event) => {
              const { value, selectionStart } = event.currentTarget;
              if (!isEditing && text === "") {
                before.current = "";
              }
              write(value);
              setCompletion(completionAt(value, selectionStart));
              room.typing();
            }}
            onBlur={() => setCompletion(undefined)}
            onKeyDown={keyDown}
          />
          <button
            type="submit"
            class="icon-button filled round"
            disabled={!canSend}
            aria-label={isEditing ? t("composer.save") : t("composer.send")}
            title={isEditing ? t("composer.save") : t("composer.send")}
          >
            <Icon name={isEditing ? "check" : "send"} flips={!isEditing} />
          </button>
        </form>
        {excess > 0 ? (
          <p class="excess" role="status">
            {t("composer.excess", { n: excess, limit: size(FRAME_ROOM) })}
          </p>
        ) : null}
      </div>
      {picks ? (
        <EmojiDialog
          onClose={() => setPicks(false)}
          onChoose={(emoji) => {
            setPicks(false);
            const caret = field.current?.selectionStart ?? text.length;
            write(`${text.slice(0, caret)}${emoji}${text.slice(caret)}`);
          }}
        />
      ) : null}
    </>
  );
}
