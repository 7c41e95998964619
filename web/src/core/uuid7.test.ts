import fc from "fast-check";
import { expect, it } from "vitest";
import { isId } from "./id.ts";
import { isUuid7, RANDOM_BYTES, timeOf, Uuid7 } from "./uuid7.ts";

const random = fc.uint8Array({ minLength: RANDOM_BYTES, maxLength: RANDOM_BYTES });

it("ids grow, whatever the clock does", () => {
  const moments = fc.array(fc.tuple(fc.integer({ min: 1_700_000_000_000, max: 1_700_000_000_009 }), random), {
    minLength: 2,
    maxLength: 200,
  });
  fc.assert(
    fc.property(moments, (moments) => {
      const maker = new Uuid7();
      const ids = moments.map(([now, bytes]) => maker.next(now, bytes));
      expect(ids.every((id) => isId(id) && isUuid7(id))).toBe(true);
      expect([...new Set(ids)].sort()).toEqual(ids);
    }),
  );
});

it("a full counter borrows from the time", () => {
  const maker = new Uuid7();
  const bytes = new Uint8Array(RANDOM_BYTES).fill(0xff);
  const ids = Array.from({ length: 5_000 }, () => maker.next(1_700_000_000_000, bytes));
  expect([...ids].sort()).toEqual(ids);
  expect(new Set(ids).size).toBe(5_000);
  expect(timeOf(ids.at(-1) ?? "")).toBe(1_700_000_000_001);
});

it("an id says when it was made", () => {
  const id = new Uuid7().next(1_795_239_258_249, new Uint8Array(RANDOM_BYTES));
  expect(timeOf(id)).toBe(1_795_239_258_249);
  expect(id).toBe("01a1fc99-2889-7000-8000-000000000000");
  expect(timeOf("00000000-0000-4000-8000-000000000000")).toBeUndefined();
  expect(isUuid7("00000000-0000-7000-c000-000000000000")).toBe(false);
});

it("too little chance is a fault", () => {
  expect(() => new Uuid7().next(1, new Uint8Array(9))).toThrow(RangeError);
});
