import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  anchorOf,
  arrive,
  leave,
  openWindow,
  ROWS_MAX,
  SLIDE,
  scrollFor,
  slideNewer,
  slideOlder,
  type TimelineWindow,
  wanted,
} from "./timeline-window.ts";

const order = (one: number, other: number) => one - other;
const range = (from: number, to: number) => Array.from({ length: to - from }, (_, at) => from + at);

describe("a window", () => {
  it("opens at the end with the newest rows", () => {
    const window = openWindow(range(0, 500), true, true);
    expect([window.rows.length, window.rows.at(-1), window.isAtBeginning, window.isAtEnd]).toEqual([
      160,
      499,
      false,
      true,
    ]);
  });

  it("slides only near an edge, and never past the beginning or the end", () => {
    const middle = openWindow(range(100, 200), false, false);
    expect([wanted(middle, 50, 60), wanted(middle, 19, 30), wanted(middle, 60, 80)]).toEqual([
      undefined,
      "older",
      "newer",
    ]);
    const all = openWindow(range(0, 100), true, true);
    expect([wanted(all, 0, 10), wanted(all, 90, 99)]).toEqual([undefined, undefined]);
  });

  it("stays bounded when it slides, and knows what left it", () => {
    const end = openWindow(range(500, 660), false, true);
    const older = slideOlder(end, range(460, 500), false);
    expect([older.rows[0], older.rows.at(-1), older.isAtEnd]).toEqual([460, 619, false]);
    const back = slideNewer(older, range(620, 660), true);
    expect([back.rows[0], back.rows.at(-1), back.isAtEnd, back.isAtBeginning]).toEqual([
      500,
      659,
      true,
      false,
    ]);
    expect(slideOlder(end, [], true).isAtBeginning).toBe(true);
  });

  it("at the end takes new rows, elsewhere counts them", () => {
    const end = arrive(openWindow([1, 2], true, true), 3, order);
    expect([end.rows, end.beyond]).toEqual([[1, 2, 3], 0]);
    const elsewhere = arrive(openWindow([1, 2], true, false), 3, order);
    expect([elsewhere.rows, elsewhere.beyond]).toEqual([[1, 2], 1]);
    expect(slideNewer(elsewhere, [3], true).beyond).toBe(0);
  });

  it("puts a late row at its place, and none before its beginning", () => {
    expect(arrive(openWindow([1, 3], true, true), 2, order).rows).toEqual([1, 2, 3]);
    expect(arrive(openWindow([5, 6], false, true), 2, order).rows).toEqual([5, 6]);
    expect(arrive(openWindow([5, 6], true, true), 2, order).rows).toEqual([2, 5, 6]);
    expect(arrive(openWindow<number>([], false, true), 2, order).rows).toEqual([2]);
  });

  it("shows a row once", () => {
    const window = arrive(openWindow([1, 2], true, true), 2, order);
    expect(window.rows).toEqual([1, 2]);
    expect(leave(window, 2, order).rows).toEqual([1]);
  });
});

it("whatever is done, the rows are a part of what is stored, in order and without a hole", () => {
  const step = fc.oneof(fc.constant("older"), fc.constant("newer"), fc.constant("arrive"));
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 600 }), fc.array(step, { maxLength: 60 }), (count, steps) => {
      const stored = range(0, count);
      let window: TimelineWindow<number> = openWindow(stored.slice(-100), count <= 100, true);
      for (const what of steps) {
        const [first, last] = [window.rows[0] ?? 0, window.rows.at(-1) ?? -1];
        if (what === "older" && !window.isAtBeginning) {
          const older = stored.slice(Math.max(0, first - SLIDE), first);
          window = slideOlder(window, older, first - older.length === 0);
        } else if (what === "newer" && !window.isAtEnd) {
          const newer = stored.slice(last + 1, last + 1 + SLIDE);
          window = slideNewer(window, newer, last + 1 + newer.length === stored.length);
        } else if (what === "arrive") {
          stored.push(stored.length);
          window = arrive(window, stored.length - 1, order);
        }
        const begin = window.rows[0] ?? 0;
        expect(window.rows.length).toBeLessThanOrEqual(ROWS_MAX);
        expect(window.rows).toEqual(stored.slice(begin, begin + window.rows.length));
        expect(window.isAtBeginning).toBe(
          window.rows.length === 0 ? count <= 100 : begin === 0 && window.isAtBeginning,
        );
        if (window.isAtEnd) {
          expect(window.rows.at(-1)).toBe(stored.at(-1));
        }
      }
    }),
  );
});

it("an anchor keeps its row where it was", () => {
  const rows = ["a", "b", "c"];
  const anchor = anchorOf(rows, [0, 100, 250, 400], 120);
  expect(anchor).toEqual({ row: "b", offset: -20 });
  // Two rows of 60 pixels came before it.
  expect(anchor && scrollFor(anchor, 220)).toBe(240);
  expect(anchorOf([], [0], 0)).toBeUndefined();
});
