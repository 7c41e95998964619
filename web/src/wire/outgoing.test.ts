import { readFileSync } from "node:fs";
import Ajv2020 from "ajv/dist/2020.js";
import { describe, expect, it } from "vitest";
import { deleteDraft, editDraft, reactionDraft, replyDraft, textDraft, withMentions } from "../core/draft.ts";
import {
  ackFrame,
  excess,
  markFrame,
  pingFrame,
  presenceFrame,
  sendFrame,
  typingFrame,
  watchFrame,
} from "./outgoing.ts";

const asyncapi = JSON.parse(readFileSync(new URL("../../../docs/asyncapi.json", import.meta.url), "utf8"));
const ajv = new Ajv2020({ strict: false, validateFormats: false });
ajv.addSchema({ $id: "ferry:frames", components: asyncapi.components }, "ferry:frames");

const id = (number: number) => `01a1fc99-0000-7000-8000-${`${number}`.padStart(12, "0")}`;
const target = { message: id(1), from: id(2) };

describe("frames of the device are as they are described", () => {
  const cases: [string, string][] = [
    ["Send", sendFrame(withMentions(replyDraft(id(1), "hi"), [id(2)]), id(3), id(4))],
    ["Send", sendFrame({ ...textDraft("hi"), after: id(5), content_type: "text/plain" }, id(3), id(4))],
    ["Send", sendFrame(editDraft(target, "hi"), id(3), id(4))],
    ["Send", sendFrame(deleteDraft(target), id(3), id(4))],
    ["Send", sendFrame(reactionDraft(target, "👍", true), id(3), id(4))],
    ["Ack", ackFrame(["0000000000000004"])],
    ["Read", markFrame({ type: "read", room: id(1), up_to: id(2), sent_at: 5, authors: [] })],
    ["Read", markFrame({ type: "read", room: id(1), up_to: id(2), sent_at: 5, authors: [id(3)] })],
    ["NoticesRead", markFrame({ type: "notices_read", notices: [id(1)] })],
    ["SetTyping", typingFrame(id(1), false)],
    ["SetPresence", presenceFrame("away")],
    ["Watch", watchFrame([id(1), id(1), id(2)])],
    ["Ping", pingFrame()],
  ];
  it.each(cases)("%s %s", (name, frame) => {
    const validate = ajv.compile({ $ref: `ferry:frames#/components/schemas/${name}` });
    expect(validate(JSON.parse(frame)), JSON.stringify(validate.errors)).toBe(true);
  });
});

it("fields without a value are left out", () => {
  expect(sendFrame(textDraft("x"), id(1), id(2))).toBe(
    `{"type":"send","id":"${id(1)}","room":"${id(2)}","kind":"text","body":"x"}`,
  );
  expect(markFrame({ type: "read", room: id(1), up_to: id(2), sent_at: 5, authors: [] })).not.toContain(
    "authors",
  );
});

it("a frame is measured in bytes", () => {
  expect([excess("äöü", 6), excess("äöü", 5), excess("", 0)]).toEqual([0, 1, 0]);
});

it("a watch has each user once, and 256 at most", () => {
  const users = Array.from({ length: 300 }, (_, at) => id(at));
  expect(JSON.parse(watchFrame([...users, ...users])).users).toEqual(users.slice(0, 256));
});
