/** Where a message is written. */
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { size } from "../../i18n/dates.ts";
import { t } from "../../i18n/words.ts";
import { useApp } from "../app-context.ts";
import { Icon } from "../basics/icon.tsx";
import { wordsOf } from "../basics/problem.tsx";
import { isTouch } from "../device.ts";
import { lazy } from "../shell/lazy.tsx";
import { useRoomView } from "../timeline/room-view.ts";
import { Bars } from "./bars.tsx";
import { Closed } from "./closed.tsx";
import { type Completion, completionAt, putIn } from "./completion.ts";
import { CompletionList } from "./completion-list.tsx";
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
  const app = useApp();
  const { enterSends } = app.settings.values.value;
  const field = useRef<HTMLTextAreaElement>(null);
  const [completion, setCompletion] = useState<Completion>();
  const [picks, setPicks] = useState(false);
  const draft = room.draft.value;
  const { text } = draft;
  const excess = room.excess.value;
  const trouble = room.trouble.value;
  const isEditing = draft.editing !== undefined;
  const canSend = text.trim() !== "" && excess <= 0;

  view.focusComposer = () => field.current?.focus();

  const edited = draft.editing?.message;
  useEffect(() => {
    if (edited !== undefined) {
      field.current?.focus();
      field.current?.setSelectionRange(field.current.value.length, field.current.value.length);
    }
  }, [edited]);

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

  const write = (next: string) =>
    room.setDraft({ ...room.draft.peek(), text: next, mentions: mentionsIn(next, room.members.peek()) });

  // The text stays in the field until the disk has it: a full one loses nothing.
  const send = async () => {
    if (!canSend) {
      return;
    }
    setCompletion(undefined);
    if ((await view.attempt(room.send())) && !isEditing) {
      await view.toEnd();
    }
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

  /** Puts something in at the caret, which goes behind it. */
  const insert = (put: string) => {
    const caret = field.current?.selectionStart ?? text.length;
    write(`${text.slice(0, caret)}${put}${text.slice(caret)}`);
    // The dialog gives the focus back to its button first.
    setTimeout(() => {
      field.current?.focus();
      field.current?.setSelectionRange(caret + put.length, caret + put.length);
    });
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
        view.cancel();
      } else {
        void view.attempt(room.markRead());
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
        <Bars draft={draft} onCancel={() => view.cancel()} />
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
            {t("composer.excess", { n: excess, limit: size(app.connection.limits.value.frame) })}
          </p>
        ) : null}
        {trouble === undefined ? null : (
          <p class="excess" role="alert">
            {t("composer.not_stored")} {wordsOf(trouble)}
          </p>
        )}
      </div>
      {picks ? (
        <EmojiDialog
          onClose={() => setPicks(false)}
          onChoose={(emoji) => {
            setPicks(false);
            insert(emoji);
          }}
        />
      ) : null}
    </>
  );
}
