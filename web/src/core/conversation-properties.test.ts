/** The property test of the Rust client library, with the same small world. */
import fc from "fast-check";
import { expect, it } from "vitest";
import { Conversation } from "./conversation.ts";
import { toBody } from "./kinds.ts";
import type { Message, RoomKind } from "./message.ts";
import { editedAt, reactionsOf, textOf } from "./slot.ts";

const id = (number: number) => `00000000-0000-7000-8000-${`${number}`.padStart(12, "0")}`;
const room = id(999);

/** An action of a user, as numbers that become users, devices and messages of a small world. */
const deed = fc.record({
  who: fc.integer({ min: 0, max: 2 }),
  second: fc.boolean(),
  what: fc.integer({ min: 0, max: 15 }),
  about: fc.integer({ min: 0, max: 7 }),
  own: fc.boolean(),
  http: fc.boolean(),
  clock: fc.integer({ min: -5, max: 4 }),
});
type Deed = typeof deed extends fc.Arbitrary<infer T> ? T : never;

/** Clocks go back and forth, ids collide, and some messages are sent twice with another stamp. */
function messages(deeds: Deed[]): Message[] {
  return deeds.flatMap(({ who, second, what, about, own, http, clock }, index) => {
    const target = { message: id(about % 4), from: id(100 + (own ? who : about % 3)) };
    const emoji = ["👍", "\uff5e"][about >> 2] as string;
    const known = [
      { kind: "edit", target, body: `edit ${index}` },
      { kind: "edit", target, body: `edit ${index}` },
      { kind: "reaction", target, emoji, remove: false },
      { kind: "reaction", target, emoji, remove: true },
      { kind: "delete", target },
    ] as const;
    const action = what % 8 === 4 && index % 3 !== 0 ? undefined : known[what % 8];
    const kind = action?.kind ?? (what % 8 === 5 ? "poll" : "text");
    const body = action === undefined ? `text ${index}` : toBody(action);
    const from = {
      user: id(100 + who),
      device: id(200 + who + (second ? 3 : 0)),
      role: who === 2 ? ("moderator" as const) : ("member" as const),
    };
    const stamp = { epoch: Math.floor(index / 4), seq: index, sent_at: 100 + clock };
    const message: Message = {
      id: action === undefined ? id(about % 4) : id(1_000 + index),
      room,
      from,
      kind,
      body,
      ...(http ? { stream: "http" as const } : {}),
      ...stamp,
    };
    const again = { ...message, seq: stamp.seq + 1_000, sent_at: stamp.sent_at + 1 };
    return what >= 12 ? [again, message] : [message];
  });
}

function play(kind: RoomKind, messages: readonly Message[]): unknown {
  const conversation = new Conversation(room, kind);
  for (const message of messages) {
    conversation.apply(structuredClone(message));
  }
  return conversation
    .entries()
    .map((slot) => [slot.message, textOf(slot), editedAt(slot), slot.deleted?.user, reactionsOf(slot)]);
}

it("the same messages make the same conversation, in whatever order and however often", () => {
  const world = fc.array(deed, { minLength: 1, maxLength: 40 }).chain((deeds) => {
    const sent = messages(deeds);
    const again = fc.array(fc.constantFrom(...sent), { maxLength: 40 });
    const order = again.chain((again) => {
      const all = [...sent, ...again];
      return fc.shuffledSubarray(all, { minLength: all.length, maxLength: all.length });
    });
    return fc.record({
      sent: fc.constant(sent),
      disordered: order,
      kind: fc.constantFrom<RoomKind>("direct", "group"),
    });
  });
  fc.assert(
    fc.property(world, ({ sent, disordered, kind }) => {
      expect(play(kind, disordered)).toEqual(play(kind, sent));
    }),
    { numRuns: 500 },
  );
});
