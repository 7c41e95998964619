import { describe, expect, it } from "vitest";
import { itemOf } from "./item.ts";
import { type MessageRecord, recordOfLine } from "./record.ts";
import { keyOf, uniteCells, uniteMessages, uniteOutcomes } from "./union.ts";

const id = (number: number) => `00000000-0000-7000-8000-${`${number}`.padStart(12, "0")}`;

function copy(sentAt: number, body: unknown, more: object = {}): MessageRecord {
  const from = { user: id(1), device: id(2), role: "member" };
  const stamp = { epoch: 1, seq: 1, sent_at: sentAt };
  return recordOfLine(
    JSON.stringify({ id: id(3), room: id(4), from, kind: "poll", body, ...stamp, ...more }),
  );
}

const gone = { "ferry.deleted": {} };

describe("of two copies of a message", () => {
  it("the one with the least stamp counts, in both orders", () => {
    const [early, late] = [copy(5, "x"), copy(9, "x")];
    expect([uniteMessages(early, late), uniteMessages(late, early)]).toEqual([early, early]);
    expect(uniteMessages(early, copy(5, "x"))).toBe(early);
  });

  it("the held content stays, and what is removed stays removed", () => {
    // A body that looks like a stamp is no stamp.
    const body = { epoch: 1, seq: 1, sent_at: 9 };
    expect(uniteMessages(copy(9, body), copy(5, null, gone))).toEqual(copy(5, body));
    expect(uniteMessages(copy(9, null, gone), copy(5, body))).toEqual(copy(5, null, gone));
    expect(uniteMessages(copy(5, null, gone), copy(9, body))).toEqual(copy(5, null, gone));
  });
});

it("of two cells the later counts, and of equal ones the greater value in bytes", () => {
  const cell = (stamp: number, name: string) => {
    const value = JSON.stringify({ username: name });
    const item = itemOf("cells", `{"kind":"person","key":"${id(1)}","stamp":${stamp},"value":${value}}`);
    return item as typeof item & { section: "cells" };
  };
  for (const [less, greater] of [
    [cell(1, "z"), cell(2, "a")],
    [cell(1, "a"), cell(1, "b")],
    [cell(1, "\uff5e"), cell(1, "👍")],
  ] as const) {
    expect([uniteCells(less, greater), uniteCells(greater, less)]).toEqual([greater, greater]);
  }
});

it("of two outcomes the earlier counts", () => {
  const outcome = (at: number) => {
    const line = `{"message":"${id(1)}","user":"${id(2)}","device":"${id(3)}","what":"expired","at":${at}}`;
    const item = itemOf("outcomes", line);
    return item as typeof item & { section: "outcomes" };
  };
  expect([uniteOutcomes(outcome(5), outcome(9)), uniteOutcomes(outcome(9), outcome(5))]).toEqual([
    outcome(5),
    outcome(5),
  ]);
  expect(keyOf(outcome(5))).toBe(keyOf(outcome(9)));
});

it("one id on two devices is two records", () => {
  const record = copy(1, "x");
  const key = (device: number) => keyOf({ section: "messages", record: { ...record, device: id(device) } });
  expect(key(1)).not.toBe(key(2));
});
