import { describe, expect, it } from "vitest";
import { emptiedRecord, recordOfFrame, recordOfLine } from "./record.ts";

const id = (number: number) => `01a1fc99-2a1c-7098-8e77-5261408728b${number}`;
const message = `{
  "colour":{"r": 1,
    "g":2.50},
  "sent_at":3, "seq":2, "epoch":1, "stream":"http", "body": {"b": 1.0,
  "a":2}, "kind":"poll", "mentions":[], "reply_to":null,
  "from":{"role":"member","device":"${id(7)}","user":"${id(6)}","more":1},
  "room":"${id(5)}","id":"${id(4)}"}`;
const frame = `{"type":"message","delivery":"0123","redelivered":false,"message":${message}}`;

const line =
  `{"id":"${id(4)}","room":"${id(5)}","from":{"user":"${id(6)}","device":"${id(7)}","role":"member"},` +
  `"kind":"poll","body":{"b": 1.0,   "a":2},"stream":"http","epoch":1,"seq":2,"sent_at":3,"colour":{"r": 1,     "g":2.50}}`;

describe("a record", () => {
  it("has one form, and keeps what nobody knows byte for byte", () => {
    const record = recordOfFrame(frame);
    expect(record.line).toBe(line);
    expect(recordOfLine(record.line)).toEqual(record);
    expect(record).toMatchObject({ id: id(4), user: id(6), device: id(7), sentAt: 3n, epoch: 1n, seq: 2n });
  });

  it("leaves the socket and the frame out", () => {
    const own = message.replace(
      '"stream":"http"',
      '"stream":"socket","type":"x","delivery":"y","redelivered":true',
    );
    expect(recordOfLine(own).line).toBe(line.replace('"stream":"http",', ""));
  });

  it("takes no field of a history from a relay", () => {
    const marked = message.replace('"seq":2', '"seq":2,"ferry.deleted":{},"ferry.later":1');
    expect(recordOfFrame(`{"message":${marked}}`)).toEqual(recordOfFrame(frame));
    expect(recordOfLine(marked)).toMatchObject({ deleted: {} });
    expect(recordOfLine(marked).line).toBe(line.replace(/}$/, ',"ferry.later":1,"ferry.deleted":{}}'));
  });

  it("says on which message a deleted action acted", () => {
    const target = { message: id(1), from: id(2) };
    const marked = message.replace(
      '"seq":2',
      `"seq":2,"ferry.deleted":{"more":1,"target":${JSON.stringify(target)}}`,
    );
    expect(recordOfLine(marked).deleted).toEqual({ target });
  });

  it("sorts unknown fields by the bytes of their names", () => {
    const names = ["👍", "\uff5e", "b", "a"];
    const more = names.map((name) => `"${name}":1`).join(",");
    const { line } = recordOfLine(message.replace('"seq":2', `"seq":2,${more}`));
    expect(line.slice(line.indexOf('"a":1'))).toBe(
      '"a":1,"b":1,"colour":{"r": 1,     "g":2.50},"\uff5e":1,"👍":1}',
    );
  });

  it("of a wrong clock is kept", () => {
    const wrong = message.replace('"sent_at":3', '"sent_at":-9223372036854775808');
    expect(recordOfLine(wrong)).toMatchObject({ sentAt: -(2n ** 63n) });
  });
});

it.each([
  ["no JSON", "canary"],
  ["a missing field", message.replace('"kind":"poll",', "")],
  ["a number as text", message.replace('"seq":2', '"seq":"canary"')],
  ["a number below 0", message.replace('"seq":2', '"seq":-1')],
  ["an id with capitals", message.replace(id(4), id(4).toUpperCase())],
  ["an unknown role", message.replace('"member"', '"canary"')],
  ["a list for an object", message.replace(/"from":\{[^}]*\}/, '"from":["canary"]')],
  ["mentions that are none", message.replace('"mentions":[]', '"mentions":["canary"]')],
  ["an unknown stream", message.replace('"http"', '"canary"')],
])("%s is no record, and the error repeats nothing", (_, json) => {
  let told = "";
  try {
    recordOfLine(json);
  } catch (error) {
    told = String(error);
  }
  expect(told).toContain("BadRecord");
  expect(told).not.toContain("canary");
});

describe("an emptied record", () => {
  it("keeps what orders it, and on what it acted", () => {
    const record = recordOfFrame(frame);
    const emptied = emptiedRecord(record, { message: id(1), from: id(2) });
    expect(emptied).toMatchObject({
      id: id(4),
      sentAt: 3n,
      deleted: { target: { message: id(1), from: id(2) } },
    });
    expect(emptied.line).not.toMatch(/colour|"b"/);
    expect(JSON.parse(emptied.line)).toMatchObject({ kind: "poll", body: null, stream: "http" });
    // Once emptied, it stays what it is.
    expect(emptiedRecord(emptied)).toEqual(emptied);
    expect(emptiedRecord(record).deleted).toEqual({});
  });
});
