import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { MEANINGS, meaningOf, readProblem } from "./problem.ts";

const docs = new URL("../../../docs/", import.meta.url);
const read = (name: string) => readFileSync(new URL(name, docs), "utf8");

it.each(["openapi.json", "asyncapi.json"])("every code of %s has a meaning", (name) => {
  const codes: string[] = JSON.parse(read(name)).components.schemas.ErrorCode.enum;
  expect(Object.keys(MEANINGS).sort()).toEqual([...codes].sort());
});

it("the table of codes in protocol.md is the same", () => {
  const table = read("protocol.md").matchAll(/^\| `([a-z_]+)` \| [45]\d\d \|/gm);
  expect([...table].map(([, code]) => code).sort()).toEqual(Object.keys(MEANINGS).sort());
});

it("only three codes are temporary, and an unknown one is permanent", () => {
  expect(Object.keys(MEANINGS).filter((code) => meaningOf(code).action === "wait")).toEqual([
    "rate_limited",
    "unavailable",
    "internal",
  ]);
  expect(meaningOf("later")).toEqual({ action: "explain", key: "problem.unknown" });
  expect(meaningOf("toString").key).toBe("problem.unknown");
});

it("a problem is read, and what is none is not", () => {
  const body = {
    type: "urn:ferry:error:rate_limited",
    title: "x",
    status: 429,
    code: "rate_limited",
    detail: "too many",
    retry_after: 6,
  };
  expect(readProblem(body)).toEqual({
    status: 429,
    code: "rate_limited",
    detail: "too many",
    retry_after: 6,
  });
  expect([null, "no", {}, { ...body, code: 7 }].map(readProblem)).toEqual([
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
});
