/** What was said in the rooms. */
import type { Mark } from "../../src/core/ledger.ts";
import type { Person } from "../../src/state/model.ts";
import type { MessageRow } from "../../src/state/room-model.ts";
import { ANN, BOB, DAY, EVIL, HOUR, id, JURGEN, LIN, LONG, ME, MINUTE, NOW, OLGA, OMAR } from "./people.ts";

export type Said = Omit<MessageRow, "isFirstOfAuthor">;

let count = 1_000;

export function say(
  author: Person,
  at: number,
  content: string | MessageRow["content"],
  more: Partial<Said> = {},
): Said {
  count += 1;
  const message = id(count);
  const isMine = author.id === ME.id;
  return {
    is: "message",
    key: `${author.id}/${message}`,
    target: { message, from: author.id },
    author: { id: author.id, name: author.name },
    isMine,
    at,
    content: typeof content === "string" ? { is: "text", text: content } : content,
    isEdited: false,
    mentionsMe: false,
    reactions: [],
    unreachable: [],
    may: { edit: isMine, remove: isMine },
    ...(isMine ? { mark: "read" as Mark } : {}),
    ...more,
  };
}

function reply(to: Said): Pick<Said, "reply"> {
  const text = to.content.is === "text" ? to.content.text : "";
  return { reply: { target: to.target, author: to.author.name, text, isHere: true } };
}

const yesterday = NOW - DAY;
const morning = NOW - 2 * HOUR;

const plan = say(
  ANN,
  yesterday,
  "I looked at the boats. Two choices for Saturday:\n\n> 09:40 from the **old harbour**, 55 minutes\n> 11:15 from the _new terminal_, 40 minutes\n\nTickets are on https://ferries.example/island?day=sat and the early one is half empty.",
  { reactions: [{ emoji: "👍", count: 3, isMine: true, names: ["Mira Holm", "Bob Larsen", "Jürgen Weiß"] }] },
);
const code = say(
  JURGEN,
  morning - 30 * MINUTE,
  'For the packing list I wrote a small script, use `--dry-run` first:\n```sh\nfor item in tent stove rope; do\n  echo "$item" >> list.txt\ndone\n```',
);

export const TRIP: Said[] = [
  say(BOB, yesterday - 40 * MINUTE, "Who is in for the island this weekend?"),
  say(OLGA, yesterday - 38 * MINUTE, "Я за! Возьму палатку на четверых."),
  say(OMAR, yesterday - 30 * MINUTE, "أنا معكم، سأحضر القهوة ☕ والخريطة."),
  plan,
  say(ME, yesterday + 4 * MINUTE, "The early one, then we have the whole day there.", {
    ...reply(plan),
    mark: "read",
    reactions: [
      { emoji: "🎉", count: 2, isMine: false, names: ["Ann Okafor", "Bob Larsen"] },
      { emoji: "⛴️", count: 1, isMine: false, names: ["林小雨"] },
    ],
  }),
  say(LIN, yesterday + 6 * MINUTE, "好的，我带帐篷和相机。我们在旧港口见，别迟到！", { isEdited: true }),
  code,
  say(JURGEN, morning - 29 * MINUTE, "It only writes to `list.txt`."),
  say(
    BOB,
    morning - 20 * MINUTE,
    { is: "deleted", by: "Bob Larsen" },
    { may: { edit: false, remove: false } },
  ),
  say(ME, morning, "Booked seven places, everybody pays me back in cake.", {
    mark: "delivered",
    reactions: [{ emoji: "🍰", count: 4, isMine: false, names: ["Ann", "Bob", "Ольга", "林小雨"] }],
  }),
];
export const TRIP_NEW: Said[] = [
  say(ANN, NOW - 22 * MINUTE, "@mira you are a hero. Which pier was it again?", { mentionsMe: true }),
  say(ANN, NOW - 21 * MINUTE, "And does the café on the boat take cards?"),
  say(BOB, NOW - 12 * MINUTE, "Pier 3, next to the lighthouse. I asked: cash only 🙃", {
    reactions: [{ emoji: "😂", count: 1, isMine: false, names: ["Ann Okafor"] }],
  }),
];

export const BOB_TALK: Said[] = [
  say(BOB, NOW - 3 * DAY, "Did the parcel come?"),
  say(ME, NOW - 3 * DAY + 5 * MINUTE, "It did! The lamp is even nicer than in the picture."),
  say(BOB, NOW - 3 * DAY + 6 * MINUTE, "🎉"),
  say(BOB, NOW - HOUR, "Lunch today? The place with the blue door."),
  say(ME, NOW - 50 * MINUTE, "Yes. Half past twelve?", { mark: "delivered" }),
  say(BOB, NOW - 49 * MINUTE, "Perfect, I'll be there a bit early and get the table at the window."),
];

export const TROUBLE: Said[] = [
  say(LIN, NOW - 2 * HOUR, "Can you send me the draft?"),
  say(ME, NOW - 100 * MINUTE, "Of course, one moment.", { mark: "read" }),
  say(ME, NOW - 90 * MINUTE, "Here it is, the first part.", { mark: "expired" }),
  say(ME, NOW - 80 * MINUTE, "Are you still on the old phone?", {
    mark: "unreachable",
    unreachable: ["林小雨"],
  }),
  say(ME, NOW - 6 * MINUTE, "The second part follows.", {
    mark: "waiting",
    problem: { key: "problem.rate_limited", values: {}, retryAt: Date.now() + 90_000 },
  }),
  say(ME, NOW - 5 * MINUTE, "And the last one, with all the tables.", {
    mark: "waiting",
    problem: { key: "problem.too_large", values: {} },
  }),
  say(ME, NOW - 4 * MINUTE, "Tell me when you have it.", { mark: "waiting" }),
  say(ME, NOW - 3 * MINUTE, "It has 12 pages.", {
    mark: "delivered",
    failure: { id: id(77), what: "edit", problem: { key: "problem.muted", values: {} } },
  }),
];

export const STRANGE: Said[] = [
  say(
    EVIL,
    NOW - 5 * HOUR,
    "<script>alert(1)</script> **bold** javascript:alert(1) https://раураl.example/login",
  ),
  say(LONG, NOW - 4 * HOUR, "x".repeat(600)),
  say(LONG, NOW - 4 * HOUR + MINUTE, "A line of a long text, again and again.\n".repeat(200)),
  say(OMAR, NOW - 3 * HOUR, {
    is: "forward",
    text: "لا تنسوا المفاتيح",
    from: "Ann Okafor",
    at: NOW - 3 * DAY,
  }),
  say(BOB, NOW - 2 * HOUR, { is: "unknown", kind: "poll.v2" }),
  say(BOB, NOW - 2 * HOUR + MINUTE, { is: "sealed" }),
  say(ME, NOW - HOUR, "What was that?", {
    reply: { target: { message: id(5), from: BOB.id }, isHere: false },
    mark: "sent",
  }),
];

/** Enough to scroll through. */
export function long(n: number): Said[] {
  const authors = [BOB, ANN, ME, OLGA, JURGEN];
  return Array.from({ length: n }, (_, at) => {
    const author = authors[Math.floor(at / 3) % authors.length] ?? BOB;
    const text = `Message ${at + 1}. ${"The water was calm and the crossing short. ".repeat(at % 4)}`.trim();
    return say(author, NOW - (n - at) * 20 * MINUTE, text);
  });
}
