/** Channels to find, and notices. */
import type { FoundRoom, Hole, NoticeRow, RoomRow } from "../../src/state/model.ts";
import { DAY, DEVICES, HOUR, id, LONG, MINUTE, NOW, OMAR } from "./people.ts";
import { ROOM } from "./rooms.ts";

export const NOWHERE: RoomRow = {
  id: id(0),
  kind: "group",
  name: "",
  unread: 0,
  mentions: 0,
  isMuted: false,
  isHidden: false,
  writing: [],
  isMember: false,
};

export const CHANNELS: FoundRoom[] = [
  {
    id: ROOM.news,
    name: "Harbour news",
    description: "Weather and times, once a day.",
    members: 214,
    isMember: true,
  },
  {
    id: id(203),
    name: "Harbour market",
    description: "What is fresh on Saturday.",
    members: 87,
    isMember: false,
  },
];

export const NOTICES: NoticeRow[] = [
  {
    id: id(301),
    at: Date.now() - 20 * MINUTE,
    isRead: false,
    key: "notice.device_added",
    values: { name: "Chrome on Windows", address: "198.51.100.7" },
    action: { is: "devices", device: DEVICES[3]?.id ?? id(904) },
  },
  {
    id: id(302),
    at: Date.now() - 3 * HOUR,
    isRead: false,
    key: "notice.friend_requested",
    values: { user: OMAR.name },
    action: { is: "person", user: OMAR.id },
  },
  {
    id: id(303),
    at: Date.now() - DAY,
    isRead: true,
    key: "notice.member_added_me",
    values: { by: "Ann Okafor", room: "Island weekend" },
    action: { is: "room", room: ROOM.trip },
  },
  { id: id(304), at: Date.now() - 5 * DAY, isRead: true, key: "notice.settings_changed", values: {} },
  {
    id: id(305),
    at: NOW - 9 * DAY,
    isRead: true,
    key: "notice.member_left",
    values: { user: LONG.name, room: "Rope knots" },
  },
];

export const HOLES: Hole[] = [
  {
    who: "Ann Okafor",
    count: 3,
    room: { id: ROOM.trip, name: "Island weekend" },
    since: NOW - 3 * HOUR,
    until: NOW - 2 * HOUR,
  },
  {
    who: LONG.name,
    count: 1,
    room: { id: ROOM.long, name: LONG.name },
    since: NOW - DAY,
    until: NOW - DAY + HOUR,
  },
  { since: NOW - 9 * DAY, until: NOW - 8 * DAY },
];
