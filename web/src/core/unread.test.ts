import { describe, expect, it } from "vitest";
import type { Message } from "./message.ts";
import { emptySlot, putDeletion, putMessage, type Slot } from "./slot.ts";
import { changed, isLate, laterCursor, NOTHING, read, total, unreadOf } from "./unread.ts";

const me = "00000000-0000-7000-8000-0000000000b1";
const bob = "00000000-0000-7000-8000-0000000000b2";
const id = (number: number) => `00000000-0000-7000-8000-00000000000${number}`;

function slot(sent_at: number, user: string, mentions: string[] = []): Slot {
  const slot = emptySlot();
  const from = { user, device: id(9), role: "member" as const };
  const message: Message = {
    id: id(1),
    room: id(2),
    from,
    kind: "text",
    body: "x",
    mentions,
    epoch: 1,
    seq: 1,
    sent_at,
  };
  putMessage(slot, message);
  return slot;
}

describe("what is unread", () => {
  const reading = { cursor: { up_to: id(1), sent_at: 10 } };

  it("is above the cursor and of others", () => {
    expect(unreadOf(slot(11, bob), me, reading, false)).toEqual({ messages: 1, mentions: 0 });
    expect(unreadOf(slot(10, bob), me, reading, false)).toEqual(NOTHING);
    expect(unreadOf(slot(11, me), me, reading, false)).toEqual(NOTHING);
    expect(unreadOf(slot(1, bob), me, {}, false).messages).toBe(1);
  });

  it("is what came late, until it is seen", () => {
    expect([isLate(10, reading), isLate(11, reading), isLate(1, {})]).toEqual([true, false, false]);
    expect(unreadOf(slot(5, bob), me, reading, true).messages).toBe(1);
  });

  it("counts mentions apart", () => {
    expect(unreadOf(slot(11, bob, [me]), me, reading, false)).toEqual({ messages: 1, mentions: 1 });
  });

  it("is nothing that is deleted, and nothing that has not come", () => {
    const deleted = slot(11, bob, [me]);
    putDeletion(deleted, deleted.message as Message);
    expect(unreadOf(deleted, me, reading, true)).toEqual(NOTHING);
    expect(unreadOf(emptySlot(), me, reading, true)).toEqual(NOTHING);
  });

  it("is what the user marked, until they read beyond it", () => {
    const marked = { ...reading, unread_from: 8 };
    expect(unreadOf(slot(9, bob), me, marked, false).messages).toBe(1);
    expect(unreadOf(slot(7, bob), me, marked, false).messages).toBe(0);
    expect(read(marked, { up_to: id(1), sent_at: 9 })).toEqual(reading);
    expect(read(marked, { up_to: id(1), sent_at: 7 })).toEqual(marked);
  });
});

it("a cursor never goes back, and of equal ones the greater id counts", () => {
  const [one, two] = [
    { up_to: id(1), sent_at: 5 },
    { up_to: id(2), sent_at: 5 },
  ];
  expect(laterCursor(undefined, one)).toBe(one);
  expect([laterCursor(one, two), laterCursor(two, one)]).toEqual([two, two]);
  expect(laterCursor(two, { up_to: id(9), sent_at: 4 })).toBe(two);
});

it("a muted room adds its mentions only", () => {
  const rooms = [
    { messages: 5, mentions: 1, muted: false },
    { messages: 7, mentions: 2, muted: true },
  ];
  expect(total(rooms)).toEqual({ messages: 7, mentions: 3 });
});

it("counters never fall below 0", () => {
  expect(changed({ messages: 1, mentions: 0 }, { messages: 1, mentions: 1 }, NOTHING)).toEqual(NOTHING);
});
