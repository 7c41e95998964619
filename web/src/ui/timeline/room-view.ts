/** What the parts of an open room share: the room, the scrolled place, and a passing notice. */
import { signal } from "@preact/signals";
import { createContext } from "preact";
import { useContext } from "preact/hooks";
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

  /** Replies with what is typed. An edit ends, and what was typed before it comes back. */
  reply(row: MessageRow): void {
    this.room.setDraft({ ...this.#typed(), replyTo: row.target });
    this.focusComposer();
  }

  /** Edits a message. What is typed comes back after it. */
  edit(target: Target): void {
    const row = this.rowOf(target);
    if (row?.content.is === "text") {
      this.write({ text: row.content.text, mentions: [], editing: target });
    }
  }

  /** Ends an edit or a reply. What was typed stays, or comes back. */
  cancel(): void {
    const { replyTo: _, ...typed } = this.#typed();
    const { editing } = this.room.draft.peek();
    this.room.setDraft(editing === undefined ? typed : this.#typed());
    this.focusComposer();
  }

  /** Gives something to the composer. What is typed there comes back after it. */
  write(draft: DraftState): void {
    const before = this.#typed();
    const isEmpty = before.text === "" && before.replyTo === undefined;
    this.room.setDraft(isEmpty ? draft : { ...draft, before });
    this.focusComposer();
  }

  /** What the user has typed, without what they edit. */
  #typed(): NonNullable<DraftState["before"]> {
    const { editing, before, ...draft } = this.room.draft.peek();
    return editing === undefined ? draft : (before ?? { text: "", mentions: [] });
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
