/** The people of a small world. */
import type { Device, Person } from "../../src/state/model.ts";

/** A fixed moment: a Tuesday, 10:24 in the time zone of the tests. */
export const NOW = new Date("2026-11-24T10:24:00").getTime();
export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

/** Ids that are easy to tell apart. */
export function id(n: number): string {
  return `01a1fc98-0000-7000-8000-${String(n).padStart(12, "0")}`;
}

function person(n: number, username: string, name: string, presence?: Person["presence"]): Person {
  return { id: id(n), username, name, ...(presence === undefined ? {} : { presence }) };
}

export const ME = person(1, "mira", "Mira Holm", "online");
export const BOB = person(2, "bob", "Bob Larsen", "online");
export const ANN = person(3, "ann", "Ann Okafor", "away");
export const LIN = person(4, "lin", "林小雨", { lastSeenAt: NOW - 3 * HOUR });
export const OMAR = person(5, "omar", "محمد الأحمد", { lastSeenAt: NOW - 2 * DAY });
export const OLGA = person(6, "olga", "Ольга Петрова", "online");
export const JURGEN = person(7, "jurgen", "Jürgen Weiß");
export const EVIL = person(8, "evil", "\u202eexe.gnp <img src=x onerror=alert(1)>");
export const LONG = person(
  9,
  "wolfeschlegelsteinhausenbergerdorff",
  "Hubert Blaine Wolfeschlegelsteinhausenbergerdorff, Senior",
);
export const PEOPLE = [ME, BOB, ANN, LIN, OMAR, OLGA, JURGEN, EVIL, LONG];

function device(n: number, name: string, more: Partial<Device> = {}): Device {
  return {
    id: id(900 + n),
    name,
    isCurrent: false,
    isOnline: false,
    address: `203.0.113.${n}`,
    createdAt: NOW - n * 9 * DAY,
    lastSeenAt: NOW - n * 5 * HOUR,
    ...more,
  };
}

export const DEVICES: Device[] = [
  device(1, "Firefox on Linux", { isCurrent: true, isOnline: true, lastSeenAt: NOW }),
  device(2, "Safari on iPhone", { isOnline: true }),
  device(3, "ferry on harbour"),
  device(4, "Chrome on Windows", { lastSeenAt: NOW - 40 * DAY, address: "2001:db8::7:1" }),
];

export const SIXTEEN: Device[] = Array.from({ length: 16 }, (_, at) =>
  device(
    at + 1,
    ["Firefox on Linux", "Chrome on Android", "Safari on iPad", "ferry on laptop"][at % 4] ?? "",
    {
      lastSeenAt: NOW - (at + 1) * 3 * DAY,
    },
  ),
);
