import { expect, it } from "vitest";
import { before, gapsOf, type Span, spansOf, without } from "./spans.ts";

// The same as in crates/history/src/coverage.rs.
it("spans are joined and taken apart", () => {
  const all = spansOf([
    [5, 8],
    [1, 3],
    [3, 4],
    [20, 10],
    [7, 9],
  ]);
  const expected: Span[] = [
    [1, 4],
    [5, 9],
  ];
  expect(all).toEqual(expected);
  expect(without(all, [[2, 6]])).toEqual([
    [1, 2],
    [6, 9],
  ]);
  expect(without(all, [[0, 100]])).toEqual([]);
  expect(without(all, [])).toEqual(all);
  expect(
    without(
      [[0, 10]],
      [
        [2, 3],
        [4, 5],
      ],
    ),
  ).toEqual([
    [0, 2],
    [3, 4],
    [5, 10],
  ]);
  expect(gapsOf(all, 12)).toEqual([
    [4, 5],
    [9, 12],
  ]);
  expect(gapsOf(all, 2)).toEqual([]);
  expect(gapsOf([], 5)).toEqual([]);
  expect(before(all, 6)).toEqual([
    [1, 4],
    [5, 6],
  ]);
  expect(spansOf([...all, [4, 5]])).toEqual([[1, 9]]);
});
