/** Ids and messages for tests. */
import type { Message } from "../../src/core/message.ts";

/** Returns an id with this number. */
export function idOf(number: number): string {
  return `01a1fc99-2a1c-7098-8e77-${number.toString(16).padStart(12, "0")}`;
}

export const ME = idOf(1);
export const BOB = idOf(2);
export const MY_DEVICE = idOf(11);
export const BOBS_DEVICE = idOf(12);
export const ROOM = idOf(100);

/** Returns a text of Bob's to the room, with what differs. */
export function text(number: number, body: unknown, more: Partial<Message> = {}): Message {
  return {
    id: idOf(10_000 + number),
    room: ROOM,
    from: { user: BOB, device: BOBS_DEVICE, role: "member" },
    kind: "text",
    body,
    epoch: 1,
    seq: number,
    sent_at: 1_000_000 + number * 1_000,
    ...more,
  };
}
