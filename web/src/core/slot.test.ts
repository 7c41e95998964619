import { expect, it } from "vitest";
import type { Message } from "./message.ts";
import {
  emptied,
  emptySlot,
  isSlight,
  putDeletion,
  putMessage,
  putReaction,
  REACTIONS_MAX,
  reactionsOf,
} from "./slot.ts";

const id = (number: number) => `00000000-0000-7000-8000-${number.toString(16).padStart(12, "0")}`;

function message(user: number, seq: number): Message {
  const from = { user: id(user), device: id(user + 0x10000), role: "member" as const };
  return { id: id(1), room: id(2), from, kind: "text", body: "canary", epoch: 1, seq, sent_at: seq };
}

it("a slot is plain data and comes out of a store as it went in", () => {
  const slot = emptySlot();
  putMessage(slot, message(1, 1));
  putReaction(slot, message(2, 2), "👍", false);
  const stored = structuredClone(slot);
  expect(stored).toEqual(slot);
  putDeletion(stored, message(1, 3));
  expect(JSON.stringify(stored)).not.toContain("canary");
  expect(reactionsOf(slot)).toEqual([{ emoji: "👍", users: [id(2)] }]);
});

it("what is removed is body, reply, mentions and type", () => {
  const full = { ...message(1, 1), reply_to: id(9), mentions: [id(8)], content_type: "a/b", after: id(7) };
  expect(emptied(full)).toEqual({ ...message(1, 1), body: null, after: id(7) });
});

it("a slot with reactions only is slight", () => {
  const slot = emptySlot();
  putReaction(slot, message(2, 2), "👍", false);
  expect(isSlight(slot)).toBe(true);
  putDeletion(slot, message(1, 3));
  expect(isSlight(slot)).toBe(false);
});

it("reactions have a bound, and the least recent goes", () => {
  const slot = emptySlot();
  for (let user = 0; user <= REACTIONS_MAX; user += 1) {
    putReaction(slot, message(0x100 + user, 10 + user), "👍", false);
  }
  const users = reactionsOf(slot)[0]?.users ?? [];
  expect([users.length, users.includes(id(0x100)), users.includes(id(0x101))]).toEqual([
    REACTIONS_MAX,
    false,
    true,
  ]);
});
