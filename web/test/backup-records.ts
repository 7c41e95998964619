/** The records of testdata/backup/web: one of everything, in the order of the files. */
import { type Item, itemOf } from "../src/core/item.ts";

const id = (number: number) => `01a22b83-a81d-71a5-9e63-${number.toString(16).padStart(12, "0")}`;

export const ME = id(0xa);
const BOB = id(0xb);
export const ROOM = id(0xa1);
const MINE = { user: ME, device: id(0xda), role: "owner" };
const HIS = { user: BOB, device: id(0xdb), role: "member" };
const START = 1_790_000_000_000;

interface Said {
  id: number;
  from?: typeof MINE;
  kind?: string;
  body: unknown;
  /** Milliseconds after the start. */
  at: number;
  /** Fields that not every message has, by their names. */
  more?: Record<string, unknown>;
}

function message({ id: number, from = HIS, kind = "text", body, at, more = {} }: Said): Item {
  const stamp = { epoch: START - 1_000, seq: number, sent_at: START + at };
  return itemOf(
    "messages",
    JSON.stringify({ id: id(number), room: ROOM, from, kind, body, ...more, ...stamp }),
  );
}

/** A message of a clock that was wrong, with a number of 64 bits that JSON.stringify cannot write. */
function wrongClock(number: number, sentAt: string, body: string): Item {
  const line = JSON.stringify({
    id: id(number),
    room: ROOM,
    from: HIS,
    kind: "text",
    body,
    epoch: 1,
    seq: 1,
  });
  return itemOf("messages", line.replace(/}$/, `,"sent_at":${sentAt}}`));
}

const on = (number: number, from = BOB) => ({ target: { message: id(number), from } });

/** Returns the records. */
export function records(): Item[] {
  const cell = (kind: string, key: string, stamp: number, value: string) =>
    itemOf("cells", `{"kind":"${kind}","key":"${key}","stamp":${stamp},"value":${value}}`);
  const outcome = (fields: object) => itemOf("outcomes", JSON.stringify(fields));
  return [
    cell("room", ROOM, 5, '{"kind":"group","name":"Büro 東京","later":1.0}'),
    cell("person", BOB, 6, '{ "username":"bob","display_name":"B\\u00f6b"}'),
    cell("cursor", ROOM, START + 1, `{"up_to":"${id(0x11)}"}`),
    outcome({ message: id(0x13), user: BOB, device: id(0xdb), what: "delivered", at: START + 4 }),
    outcome({ message: id(0x13), user: BOB, device: id(0xdc), what: "expired", at: START + 5 }),
    outcome({ message: id(0x13), user: id(0xc), what: "unreachable", at: START + 6 }),
    itemOf(
      "notices",
      `{"id":"${id(0x21)}","at":${START - 9},"kind":"device_removed","device":"${id(0xd0)}","name": "phone"}`,
    ),
    wrongClock(0x1, "-9223372036854775808", "before all times"),
    message({ id: 0x11, body: "hello\nthere \u2028 東京 👩‍🚀 \u0000", at: 1 }),
    message({ id: 0x12, kind: "edit", body: { ...on(0x11), body: "good evening" }, at: 2 }),
    message({
      id: 0x13,
      from: MINE,
      body: "an answer",
      at: 3,
      more: { reply_to: id(0x11), mentions: [BOB], content_type: "text/markdown", stream: "http" },
    }),
    message({ id: 0x14, kind: "reaction", body: { ...on(0x13, ME), emoji: "👍" }, at: 4 }),
    message({ id: 0x15, body: null, at: 5, more: { "ferry.deleted": {} } }),
    message({ id: 0x16, kind: "edit", body: null, at: 6, more: { "ferry.deleted": on(0x15) } }),
    message({ id: 0x17, kind: "delete", body: on(0x15), at: 7 }),
    message({
      id: 0x18,
      kind: "forward",
      body: { origin: { from: id(0xc), sent_at: 3 }, kind: "text", body: "from elsewhere" },
      at: 8,
    }),
    message({ id: 0x19, kind: "poll", body: { "?": [1, 2.5, null] }, at: 9, more: { "\uff5e": 1, "👍": 2 } }),
    message({ id: 0x1a, from: MINE, body: "two months later", at: 5_000_000_000 }),
    wrongClock(0x2, "9223372036854775807", "after all times"),
  ];
}

/** What a person reads in the room, the oldest first. `null` stands for what has no text. */
export const TEXTS = [
  "before all times",
  "good evening",
  "an answer",
  null,
  null,
  null,
  "two months later",
  "after all times",
];
