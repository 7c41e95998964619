import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { assertDescribed } from "./openapi.ts";
import { DETAILS } from "./reply.ts";

it("the fake relay says of each fault what the sources of the relay say", () => {
  const folder = join(import.meta.dirname, "../../../src");
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) =>
    name.endsWith(".rs"),
  );
  const sources = names.map((name) => readFileSync(join(folder, name), "utf8")).join("\n");
  expect(Object.values(DETAILS).filter((detail) => !sources.includes(`"${detail}"`))).toEqual([]);
});

it("an answer that no relay gives is found", () => {
  const call = { method: "DELETE", path: "/v1/me", query: new URLSearchParams(), body: {} };
  const problem = (code: string, status: number) => ({
    type: `urn:ferry:error:${code}`,
    title: code,
    status,
    code,
    detail: "",
  });
  expect(() => assertDescribed(call, 422, { ...problem("invalid", 422), field: "password" })).not.toThrow();
  expect(() => assertDescribed(call, 409, problem("conflict", 409))).toThrow("no relay answers 409");
  expect(() => assertDescribed(call, 401, problem("code_wrong", 401))).toThrow(
    "no relay answers DELETE /v1/me so",
  );
  expect(() => assertDescribed(call, 204, {})).toThrow("empty 204");
  expect(() => assertDescribed({ ...call, path: "/v1/moon" }, 200, {})).toThrow("no relay knows");
});
