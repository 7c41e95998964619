/** What the parts of an open room share: the room, the scrolled place, and a passing notice. */
import { signal } from "@preact/signals";
import { createContext } from "preact";
import { useContext } from "preact/hooks";
import { type Target, targetKey } from "../../core/message.ts";
import type { MessageRow, OpenRoom } from "../../state/room-model.ts";
import { ScrollHold } from "./scroll-hold.ts";

export class RoomView {
  readonly room: OpenRoom;
  readonly hold = new ScrollHold();
  /** Said once, in the place of the line that tells who is writing. */
  readonly notice = signal<string | undefined>(undefined);
  /** Called by the composer, which is not below the timeline. */
  focusComposer: () => void = () => undefined;

  constructor(room: OpenRoom) {
    this.room = room;
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

  reply(row: MessageRow): void {
    const draft = this.room.draft.peek();
    const { editing, ...rest } = draft;
    this.room.setDraft(
      editing === undefined ? { ...rest, replyTo: row.target } : { ...rest, text: "", replyTo: row.target },
    );
    this.focusComposer();
  }

  edit(target: Target): void {
    const row = this.rowOf(target);
    if (row?.content.is === "text") {
      this.room.setDraft({ text: row.content.text, editing: target, mentions: [] });
      this.focusComposer();
    }
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
