/** The rooms of the small world. */
import type { RoomRow } from "../../src/state/model.ts";
import { membersOf, type RoomPlan } from "./fake-room.ts";
import { ANN, BOB, EVIL, HOUR, id, LIN, MINUTE, NOW, OMAR } from "./people.ts";
import { BOB_TALK, long, type Said, STRANGE, say, TRIP, TRIP_NEW, TROUBLE } from "./talk.ts";

export const ROOM = {
  trip: id(101),
  bob: id(102),
  lin: id(103),
  strange: id(104),
  news: id(105),
  long: id(106),
  omar: id(107),
  left: id(108),
  empty: id(109),
  muted: id(110),
} as const;

function row(
  room: string,
  kind: RoomRow["kind"],
  name: string,
  said: Said[],
  more: Partial<RoomRow> = {},
): RoomRow {
  const last = said.at(-1);
  const text = last?.content.is === "text" ? last.content.text : "";
  return {
    id: room,
    kind,
    name,
    ...(last === undefined
      ? {}
      : {
          last: {
            author: last.author.name,
            isMine: last.isMine,
            text: text.slice(0, 120),
            at: last.at,
            ...(last.mark === undefined ? {} : { mark: last.mark }),
          },
        }),
    unread: 0,
    mentions: 0,
    isMuted: false,
    isHidden: false,
    writing: [],
    isMember: true,
    ...more,
  };
}

const NEWS = [
  say(ANN, NOW - 26 * HOUR, "Welcome to the harbour news. One message a day, in the morning."),
  say(ANN, NOW - 4 * HOUR, "Wind from the west, 12 knots. All ferries run on time today."),
];
const OMAR_TALK = [
  say(OMAR, NOW - 27 * HOUR, "شكراً على الصور! المنظر من السفينة رائع جداً."),
  say(OMAR, NOW - 26 * HOUR, "هل نلتقي يوم السبت عند الميناء القديم؟"),
];
const LONG_TALK = long(600);

export function plans(): RoomPlan[] {
  const trip = [...TRIP, ...TRIP_NEW];
  return [
    {
      row: row(ROOM.trip, "group", "Island weekend", trip, {
        description: "The island, the first weekend of December.\nWe meet at the old harbour.",
        unread: 3,
        mentions: 1,
        writing: ["Ольга Петрова"],
      }),
      said: trip,
      ...(TRIP_NEW[0] === undefined ? {} : { unreadFrom: TRIP_NEW[0].key }),
      ...(TRIP[7] === undefined ? {} : { gapBefore: TRIP[7].key }),
      members: membersOf([0, 2, 1, 3, 4, 5, 6]),
    },
    {
      row: row(ROOM.bob, "direct", "Bob Larsen", BOB_TALK, { peer: BOB.id, presence: "online" }),
      said: BOB_TALK,
      members: membersOf([0, 1], "member"),
    },
    {
      row: row(ROOM.lin, "direct", "林小雨", TROUBLE, {
        peer: LIN.id,
        presence: { lastSeenAt: Date.now() - 3 * HOUR },
      }),
      said: TROUBLE,
      members: membersOf([0, 3], "member"),
    },
    {
      row: row(ROOM.omar, "direct", "محمد الأحمد", OMAR_TALK, {
        peer: OMAR.id,
        unread: 2,
        draft: "السبت ممتاز، سأ",
      }),
      said: OMAR_TALK,
      members: membersOf([0, 4], "member"),
    },
    {
      row: row(ROOM.news, "channel", "Harbour news", NEWS, { isMuted: true, unread: 12 }),
      said: NEWS,
      members: membersOf([0, 2, 1, 3, 4, 5, 6, 7, 8], "member"),
      mayWrite: { ok: false, why: "read_only" },
    },
    {
      row: row(
        ROOM.long,
        "group",
        "Everything about boats, engines, ropes, and a bit about the weather",
        LONG_TALK,
        {
          unread: 1_204,
          isMuted: true,
        },
      ),
      said: LONG_TALK,
      members: membersOf([0, 1, 2, 5, 6], "admin"),
    },
    {
      row: row(ROOM.strange, "group", EVIL.name, STRANGE),
      said: STRANGE,
      members: membersOf([0, 7, 8, 4, 1, 3, 5, 6]),
    },
    {
      row: row(ROOM.muted, "group", "Rope knots", [say(BOB, NOW - 50 * HOUR, "The bowline again, please.")]),
      said: [say(BOB, NOW - 50 * HOUR, "The bowline again, please.")],
      members: membersOf([0, 1], "member"),
      mayWrite: { ok: false, why: "muted", until: Date.now() + 50 * MINUTE },
    },
    {
      row: row(ROOM.empty, "group", "Winter plans", []),
      said: [],
      members: membersOf([0, 1, 2]),
    },
    {
      row: row(ROOM.left, "group", "Old flat", [say(BOB, NOW - 900 * HOUR, "Keys are under the stone.")], {
        isMember: false,
      }),
      said: [say(BOB, NOW - 900 * HOUR, "Keys are under the stone.")],
      mayWrite: { ok: false, why: "not_member" },
    },
  ];
}
