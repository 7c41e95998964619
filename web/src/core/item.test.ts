import { sha256 } from "@noble/hashes/sha2.js";
import { describe, expect, it } from "vitest";
import { runSteps, vectorCases } from "../../test/vectors/file.ts";
import { Digest } from "./digest.ts";
import { addTo, itemOf, lineOf, type Section, sectionOf } from "./item.ts";
import { BadRecord, recordOfFrame } from "./record.ts";

function orRefused(read: () => string): string | undefined {
  try {
    return read();
  } catch (error) {
    expect(error).toBeInstanceOf(BadRecord);
    return undefined;
  }
}

describe("records", () => {
  it.each(vectorCases("records.json"))("$name", (vector) => {
    const digest = new Digest(sha256);
    runSteps(vector, {
      line: ({ section, line }: { section: Section; line: string }) =>
        orRefused(() => {
          const item = itemOf(section, line);
          addTo(digest, item);
          return lineOf(item);
        }),
      frame: ({ json }: { json: string }) => orRefused(() => recordOfFrame(json).line),
    });
    const months = Object.fromEntries(digest.months());
    expect({ months, digest: digest.hex() }).toEqual(vector.then);
  });
});

it.each([
  ["rooms.jsonl", "cells"],
  ["notices/2026-11.jsonl", "notices"],
  ["messages/2026-11.0001.jsonl", "messages"],
  ["messages/2026-11.10000.jsonl", "messages"],
  ["messages/2026-11.jsonl", undefined],
  ["messages/2026-11.000x.jsonl", undefined],
  ["messages/../2026-11.0001.jsonl", undefined],
  ["notices/2026-1.jsonl", undefined],
  ["outcomes/0001.jsonl", "outcomes"],
  ["outcomes/1.jsonl", undefined],
  ["later.jsonl", undefined],
])("the file %s has %s", (name, section) => {
  expect(sectionOf(name)).toBe(section);
});

const nobody = "00000000-0000-0000-0000-000000000000";
const cell = (kind: string, value: string) =>
  `{"kind":"${kind}","key":"${nobody}","stamp":1,"value":${value}}`;

it("a cell keeps its value byte for byte", () => {
  const good = cell("room", '{"kind":"group","name":"office","later":1.0}');
  expect(lineOf(itemOf("cells", good))).toBe(good);
  expect(itemOf("cells", cell("mood", "1")).section).toBe("cells");
});

it.each([
  ["room", '"canary"'],
  ["room", '{"kind":"canary"}'],
  ["room", '{"kind":"group","name":["canary"]}'],
  ["person", '{"display_name":"canary"}'],
  ["cursor", '{"up_to":"canary"}'],
])("a %s that is %s is refused, and the error repeats nothing", (kind, value) => {
  expect(() => itemOf("cells", cell(kind, value))).toThrow(/^(?!.*canary)/);
});

it("an outcome of nobody's device has none", () => {
  const line = `{"message":"${nobody}","user":"${nobody}","what":"unreachable","at":7}`;
  expect(lineOf(itemOf("outcomes", line))).toBe(line);
});
