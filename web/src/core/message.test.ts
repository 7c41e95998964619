import { expect, it } from "vitest";
import { callsUpon, comparePlaces, type Message, placeOf, streamOf, targetKey, targetOf } from "./message.ts";

const message: Message = {
  id: "00000000-0000-7000-8000-000000000001",
  room: "00000000-0000-7000-8000-0000000000a1",
  from: {
    user: "00000000-0000-7000-8000-0000000000b1",
    device: "00000000-0000-7000-8000-0000000000d1",
    role: "member",
  },
  kind: "text",
  body: "hello",
  epoch: 1,
  seq: 1,
  sent_at: 1,
};

it("a message is named by its id and its author", () => {
  expect(targetOf(message)).toEqual({ message: message.id, from: message.from.user });
  expect(targetKey(targetOf(message))).toBe(`${message.from.user}/${message.id}`);
});

it("a place has no content", () => {
  expect(JSON.stringify(placeOf(message))).not.toContain("hello");
  expect(comparePlaces(placeOf(message), message)).toBe(0);
  expect(comparePlaces(message, { ...message, seq: 2 })).toBeLessThan(0);
});

it("only a mention by another user calls upon somebody", () => {
  const me = "00000000-0000-7000-8000-0000000000b2";
  expect(callsUpon(message, me)).toBe(false);
  expect(callsUpon({ ...message, mentions: [me] }, me)).toBe(true);
  expect(callsUpon({ ...message, mentions: [message.from.user] }, message.from.user)).toBe(false);
});

it("a stream that is not named is the socket", () => {
  expect([streamOf(message), streamOf({ ...message, stream: "http" })]).toEqual(["socket", "http"]);
});
