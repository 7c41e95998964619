import { expect, it } from "vitest";
import { Clock, SKEW_MAX } from "./clock.ts";

it("until the relay has told its time, the device's counts", () => {
  const clock = new Clock();
  expect([clock.now(5_000, 1), clock.skew(5_000, 1), clock.isSkewed(5_000, 1)]).toEqual([
    5_000,
    undefined,
    false,
  ]);
});

it("the relay's time goes on by the steady clock, whatever happens to the wall clock", () => {
  const clock = new Clock();
  clock.hear(1_000_000, 50);
  expect([clock.now(7, 150), clock.now(9_999_999, 250)]).toEqual([1_000_100, 1_000_200]);
});

it("the relay's time is whole, though the steady clock counts parts of a millisecond", () => {
  const clock = new Clock();
  clock.hear(1_000_000, 50.3);
  expect(clock.now(7, 150.9)).toBe(1_000_100);
});

it("the time never goes back, also if a relay's clock does", () => {
  const clock = new Clock();
  clock.hear(1_000_000, 0);
  expect(clock.now(0, 500)).toBe(1_000_500);
  clock.hear(900_000, 600);
  expect(clock.now(0, 700)).toBe(1_000_500);
  clock.hear(2_000_000, 800);
  expect(clock.now(0, 900)).toBe(2_000_100);
});

it("a clock that is more than five minutes off is skewed, ahead or behind", () => {
  const clock = new Clock();
  clock.hear(1_000_000, 0);
  expect([SKEW_MAX, -SKEW_MAX].map((skew) => clock.isSkewed(1_000_000 + skew, 0))).toEqual([false, false]);
  expect([SKEW_MAX + 1, -SKEW_MAX - 1].map((skew) => clock.isSkewed(1_000_000 + skew, 0))).toEqual([
    true,
    true,
  ]);
});
