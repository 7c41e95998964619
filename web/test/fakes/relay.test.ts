import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { assertFrame } from "./asyncapi.ts";
import { idOf, ROOM } from "./ids.ts";
import { assertDescribed } from "./openapi.ts";
import { FakeRelay } from "./relay.ts";
import { DETAILS } from "./reply.ts";
import { ManualTime } from "./time.ts";

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

it("a frame that no relay sends is found, and so is one that no page may send", () => {
  const user = idOf(1);
  const presence = { type: "presence", user, status: "online" };
  expect(() => assertFrame("fromRelay", presence)).not.toThrow();
  expect(() => assertFrame("fromRelay", { ...presence, status: "asleep" })).toThrow("no relay sends such a");
  expect(() => assertFrame("fromRelay", { ...presence, mood: "good" })).toThrow("no relay sends such a");
  expect(() => assertFrame("fromRelay", { type: "moon" })).toThrow("of the type moon");
  const receipt = { id: idOf(2), at: 1, kind: "read", room: ROOM, user, up_to: idOf(3), sent_at: 1 };
  const delivered = { type: "receipt", delivery: "01", redelivered: false, receipt };
  expect(() => assertFrame("fromRelay", delivered)).not.toThrow();
  const odd = { ...delivered, receipt: { ...receipt, device: idOf(4) } };
  expect(() => assertFrame("fromRelay", odd)).toThrow("no relay sends such a receipt");
  expect(() => assertFrame("fromDevice", { type: "ack", deliveries: [1] })).toThrow(
    "no device sends such a ack",
  );
});

it("a fake relay that says what no real one says fails its test", () => {
  const relay = new FakeRelay(new ManualTime());
  relay.look("fromRelay", { type: "moon" });
  expect(() => relay.assertSound()).toThrow("of the type moon");
});
