import { expect, it } from "vitest";
import {
  type Coverage,
  collectAs,
  covering,
  drainedAt,
  HOLES_MAX,
  wholeSince,
  wholeTimes,
} from "./coverage.ts";

/** Returns the id of a device that logged in at this time. */
function loggedInAt(time: number): string {
  const hex = time.toString(16).padStart(12, "0");
  return `${hex.slice(0, 8)}-${hex.slice(8)}-7098-8e77-000000000001`;
}

const fresh = () => collectAs(undefined, loggedInAt(1_000), 9_999);

it("a queue that was whole since before the login has no hole", () => {
  const first = wholeSince(fresh(), 500, 1_100);
  expect(first).toMatchObject({ drained: 1_000, holes: [] });
  // The relay says the same again and again.
  expect(wholeSince(drainedAt(first, 2_000), 500, 3_000).holes).toEqual([]);
});

it("a relay that began anew leaves a hole from the last time that everything was here", () => {
  const before = drainedAt(wholeSince(fresh(), 500, 1_100), 2_000);
  const after = wholeSince(before, 5_000, 6_000);
  expect(after.holes).toEqual([{ since: 2_000, until: 5_000 }]);
  // It is noted once, and another relay of the same service may say its own time.
  expect(wholeSince(after, 5_000, 7_000).holes).toEqual(after.holes);
  expect(wholeSince(after, 500, 7_000).holes).toEqual(after.holes);
});

it("what was dropped while the device was connected is found too", () => {
  const connected = wholeSince(drainedAt(wholeSince(fresh(), 500, 1_100), 2_000), 500, 3_000);
  const left = drainedAt(connected, 9_000);
  expect(wholeSince(left, 8_000, 10_000).holes).toEqual([{ since: 2_000, until: 8_000 }]);
});

it("a relay whose clock was ahead hides nothing", () => {
  const ahead = drainedAt(wholeSince(fresh(), 500, 1_100), 1_000_000);
  const after = wholeSince(ahead, 4_000, 5_000);
  expect(after.drained).toBe(5_000);
  expect(after.holes.length).toBe(1);
});

it("between two devices of a user something may be missing", () => {
  const first = drainedAt(wholeSince(fresh(), 500, 1_100), 2_000);
  const second = collectAs(first, loggedInAt(4_000), 9_999);
  expect(second).toMatchObject({ drained: 4_000, seen: [], holes: [{ since: 2_000, until: 4_000 }] });
  expect(collectAs(second, second.device, 9_999)).toBe(second);
});

it("remembers a bounded number of holes, and covers all of their time", () => {
  let known: Coverage = wholeSince(fresh(), 500, 1_100);
  for (let at = 1; at <= HOLES_MAX + 50; at += 1) {
    known = drainedAt(wholeSince(known, at * 10_000, at * 10_000 + 1), at * 10_000 + 5_000);
  }
  expect(known.holes.length).toBe(HOLES_MAX);
  expect(known.holes[0]?.since).toBe(1_000);
  expect(known.seen.length).toBe(16);
});

it("a device has everything since its login, but for its holes and what is missing of a sender", () => {
  const known = drainedAt(wholeSince(fresh(), 500, 1_100), 9_000);
  expect(wholeTimes(known, [], 99_999)).toEqual([[1_000, 9_000]]);
  expect(wholeTimes(known, [{ since: 2_000, until: 2_000 }], 99_999)).toEqual([
    [1_000, 2_000],
    [2_001, 9_000],
  ]);
  const began = wholeSince(known, 9_500, 10_000);
  expect(wholeTimes(drainedAt(began, 12_000), [], 99_999)).toEqual([
    [1_000, 9_000],
    [9_501, 12_000],
  ]);
  // Nobody has anything from the future.
  expect(wholeTimes(known, [], 5_000)).toEqual([[1_000, 5_000]]);
});

it("the times of a store that noted parts of a millisecond are whole ones", () => {
  const known = drainedAt(wholeSince(fresh(), 500, 1_100), 9_000.7);
  expect(wholeTimes(known, [{ since: 2_000.2, until: 2_000.4 }], 99_999.5)).toEqual([
    [1_000, 2_000],
    [2_002, 9_000],
  ]);
});

it("a backup closes holes, and what is between it and this device becomes one", () => {
  const lost = drainedAt(wholeSince(drainedAt(wholeSince(fresh(), 500, 1_100), 2_000), 5_000, 6_000), 9_000);
  expect(lost.holes).toEqual([{ since: 2_000, until: 5_000 }]);
  expect(covering(lost, [[900, 3_000]], 9_999).holes).toEqual([{ since: 3_000, until: 5_000 }]);
  const closed = covering(lost, [[900, 6_000]], 9_999);
  expect(closed.holes).toEqual([]);
  expect(wholeTimes(closed, [], 9_999)).toEqual([[900, 9_000]]);
  // What came before this device logged in, and was not in the backup, is not here.
  const older = covering(lost, [[100, 600]], 9_999);
  expect(older.holes).toEqual([
    { since: 600, until: 1_000, isBetween: true },
    { since: 2_000, until: 5_000 },
  ]);
  // The next backup had it.
  expect(covering(older, [[500, 1_000]], 9_999).holes).toEqual([{ since: 2_000, until: 5_000 }]);
});

it("a backup that is imported before the first connection counts for it", () => {
  const imported = covering(fresh(), [[100, 1_000]], 9_999);
  const other = collectAs(drainedAt(imported, 3_000), loggedInAt(4_000), 9_999);
  expect(other.holes).toEqual([{ since: 3_000, until: 4_000 }]);
  expect(wholeTimes(other, [], 9_999)).toEqual([[100, 3_000]]);
});
