import { expect, it } from "vitest";
import type { Refusal } from "../wire/lists.ts";
import { Submission } from "./submission.ts";

const ok = { ok: true, value: undefined } as const;
const lost = { ok: false, refusal: { kind: "unreachable", why: "network" } } as const;
const refused = (status: number): { ok: false; refusal: Refusal } => ({
  ok: false,
  refusal: { kind: "problem", status, problem: { code: "x", detail: "" } as never },
});

function submission() {
  let last = 0;
  return new Submission(() => {
    last += 1;
    return `key ${last}`;
  });
}

it("a form that is sent again after a lost answer has the same key", () => {
  const its = submission();
  expect(its.keyFor({ name: "a" })).toBe("key 1");
  its.answered(lost);
  expect(its.keyFor({ name: "a" })).toBe("key 1");
  expect(its.mayBeDone({ name: "a" })).toBe(true);
  its.answered({ ok: false, refusal: { kind: "foreign", status: 502 } });
  its.answered(refused(503));
  expect(its.keyFor({ name: "a" })).toBe("key 1");
});

it("a refusal of the repetition says nothing of the submit whose answer was lost", () => {
  const its = submission();
  its.keyFor({ name: "a" });
  its.answered(lost);
  its.answered(refused(401));
  expect(its.keyFor({ name: "a" })).toBe("key 1");
  its.answered(ok);
  expect(its.keyFor({ name: "a" })).toBe("key 2");
});

it("a form that was refused, or says something else, is another submit", () => {
  const its = submission();
  its.keyFor({ name: "a" });
  its.answered(refused(401));
  expect(its.keyFor({ name: "a" })).toBe("key 2");
  its.answered(lost);
  expect(its.keyFor({ name: "b" })).toBe("key 3");
  expect(its.mayBeDone({ name: "a" })).toBe(false);
  expect(its.mayBeDone({ name: "b" })).toBe(false);
});
