/** What the parts of an open room share: the room, the scrolled place, and a passing notice. */
import { signal } from "@preact/signals";
import { createContext } from "preact";
import { useContext } from "preact/hooks";
import { onTop, replying, uncovered } from "../../core/drafts.ts";
import { type Target, targetKey } from "../../core/message.ts";
import type { Answer } from "../../state/answer.ts";
import type { DraftState, MessageRow, OpenRoom } from "../../state/room-model.ts";
import { wordsOf } from "../basics/problem.tsx";
import { ScrollHold } from "./scroll-hold.ts";

export class RoomView {
  readonly room: OpenRoom;
  readonly hold = new ScrollHold();
  /** Said once, in the place of the line that tells who is writing. */
  readonly notice = signal<{ words: string; isProblem: boolean } | undefined>(undefined);
  /** Called by the composer, which is not below the timeline. */
  focusComposer: () => void = () => undefined;

  constructor(room: OpenRoom) {
    this.room = room;
  }

  /** Does something, and says why if it does not work. Returns whether it worked. */
  async attempt(answer: Answer<unknown>): Promise<boolean> {
    const its = await answer;
    if (!its.ok) {
      this.say(wordsOf(its.problem), true);
    }
    return its.ok;
  }

  say(words: string, isProblem = false): void {
    this.notice.value = { words, isProblem };
  }

  /** Returns a row that is on the page. */
  rowOf(target: Target): MessageRow | undefined {
    const key = targetKey(target);
    const rows = this.room.timeline.rows.peek();
    return rows.find((row): row is MessageRow => row.is === "message" && targetKey(row.target) === key);
  }

  async toEnd(): Promise<void> {
    if (!this.room.timeline.isAtEnd.peek()) {
      await this.room.timeline.jumpToEnd();
    }
    this.hold.toEnd();
  }

  /** Replies with what is typed. An edit that is not saved comes back after it. */
  reply(row: MessageRow): void {
    this.room.setDraft(replying(this.room.draft.peek(), row.target, (layer) => this.#isUnchanged(layer)));
    this.focusComposer();
  }

  /** Edits a message. What is typed, or edited and not saved, comes back after it. */
  edit(target: Target): void {
    const row = this.rowOf(target);
    if (row?.content.is === "text") {
      const next = { text: row.content.text, mentions: [], editing: target };
      this.room.setDraft(onTop(this.room.draft.peek(), next, (layer) => this.#isUnchanged(layer)));
      this.focusComposer();
    }
  }

  /** Ends an edit or a reply. What was typed stays, or comes back. */
  cancel(): void {
    const draft = this.room.draft.peek();
    const { replyTo: _, ...typed } = draft;
    this.room.setDraft(draft.editing === undefined && draft.text !== "" ? typed : uncovered(draft));
    this.focusComposer();
  }

  /** Whether an edit says what the message says already. */
  #isUnchanged({ editing, text }: DraftState): boolean {
    const row = editing === undefined ? undefined : this.rowOf(editing);
    return row?.content.is === "text" && row.content.text === text;
  }
}

export const RoomViewContext = createContext<RoomView | undefined>(undefined);

export function useRoomView(): RoomView {
  const view = useContext(RoomViewContext);
  if (view === undefined) {
    throw new Error("a part of a room is outside of it");
  }
  return view;
}
