import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FRAME_TYPES, readFrame } from "./frames.ts";
import { NOTICE_KINDS, RECEIPT_KINDS } from "./reports.ts";

const asyncapi = JSON.parse(readFileSync(new URL("../../../docs/asyncapi.json", import.meta.url), "utf8"));
const { messages, schemas } = asyncapi.components;
const named = (list: { $ref: string }[]) => list.map(({ $ref }) => $ref.split("/").at(-1) as string);
const fromRelay = named(asyncapi.operations.fromRelay.messages);

interface Example {
  payload: { type: string };
}

/** Every example of a frame from the relay. */
const examples: [string, Example["payload"]][] = fromRelay.flatMap((name) =>
  (messages[name].examples as Example[]).map(({ payload }, at): [string, Example["payload"]] => [
    `${name} ${at}`,
    payload,
  ]),
);

describe("frames of the relay", () => {
  it.each(examples)("%s is read as it is described", (name, payload) => {
    const frame = readFrame(JSON.stringify(payload));
    if (name.startsWith("group")) {
      expect(frame).toEqual({ type: "unknown", delivery: (payload as { delivery?: string }).delivery });
    } else {
      expect(frame).toEqual(payload);
    }
  });

  it("are all known, but for the reserved one", () => {
    const types = new Set(examples.map(([, { type }]) => type));
    expect([...types].filter((type) => !FRAME_TYPES.includes(type))).toEqual(["group"]);
  });

  it("of every kind of notice and receipt are known", () => {
    const kinds = (name: string): string[] =>
      schemas[name].oneOf
        .map(({ $ref }: { $ref: string }) => schemas[$ref.split("/").at(-1) as string].properties.kind.const)
        .sort();
    expect(kinds("Notice")).toEqual([...NOTICE_KINDS].sort());
    expect(kinds("Receipt")).toEqual([...RECEIPT_KINDS].sort());
  });
});

const delivered = (message: object) =>
  JSON.stringify({ type: "message", delivery: "01", redelivered: false, message });
const sound = {
  id: "01a1fc99-2a1c-7098-8e77-5261408728b4",
  room: "01a1fc99-2889-7222-823a-5829d999e059",
  from: {
    user: "01a1fc99-26c8-7206-a933-13b3cafbd593",
    device: "01a1fc99-26f5-7198-b94a-fff415490853",
    role: "member",
  },
  kind: "text",
  body: "hello",
  epoch: 1,
  seq: 1,
  sent_at: 1,
};

describe("a delivery that cannot be read", () => {
  it.each([
    ["a number above 2^53", { ...sound, seq: 2 ** 53 }],
    ["a number that is not whole", { ...sound, epoch: 1.5 }],
    ["an id with capitals", { ...sound, id: sound.id.toUpperCase() }],
    ["a list for an object", { ...sound, from: [sound.from.user, sound.from.device, "member"] }],
    ["an unknown role", { ...sound, from: { ...sound.from, role: "king" } }],
    ["no body", { ...sound, body: undefined }],
    ["mentions that are no list", { ...sound, mentions: "all" }],
    ["half a character", { ...sound, kind: "\ud83d" }],
  ])("because of %s is kept and acked", (_, message) => {
    expect(readFrame(delivered(message))).toEqual({ type: "unknown", delivery: "01" });
  });

  it("of an unknown type is kept and acked", () => {
    expect(readFrame('{"type":"dance","delivery":"01"}')).toEqual({ type: "unknown", delivery: "01" });
    expect(readFrame('{"type":"dance"}')).toEqual({ type: "unknown" });
    expect(readFrame('{"type":"constructor"}')).toEqual({ type: "unknown" });
  });

  it("without a delivery is broken", () => {
    expect(readFrame('{"type":"message","message":{}}')).toEqual({ type: "broken" });
  });
});

it("optional fields that are null count as left out, and unknown fields are left out", () => {
  const frame = readFrame(delivered({ ...sound, reply_to: null, stream: null, colour: "red", body: null }));
  expect(frame).toMatchObject({ type: "message", message: { ...sound, body: null } });
  expect(Object.keys((frame as unknown as { message: object }).message).sort()).toEqual(
    Object.keys(sound).sort(),
  );
});

it("a report of a later version is unknown, and keeps its id", () => {
  const notice = { id: sound.id, at: 1, kind: "dance", room: 4 };
  const frame = readFrame(JSON.stringify({ type: "notice", delivery: "02", redelivered: true, notice }));
  expect(frame).toEqual({
    type: "notice",
    delivery: "02",
    redelivered: true,
    notice: { id: sound.id, at: 1, kind: "unknown" },
  });
});

it("no text makes it fail", () => {
  for (const text of [
    "",
    "null",
    "[]",
    "{}",
    '"welcome"',
    '{"type":7}',
    '{"type":"welcome"}',
    '{"type":"__proto__"}',
  ]) {
    expect(["broken", "unknown"]).toContain(readFrame(text).type);
  }
  fc.assert(
    fc.property(fc.constantFrom(...FRAME_TYPES), fc.jsonValue(), (type, value) => {
      const frame = typeof value === "object" && value !== null ? { ...value, type } : value;
      readFrame(JSON.stringify(frame));
    }),
  );
});
