import fc from "fast-check";
import { expect, it } from "vitest";
import { compareText, isWellFormed, utf8Length } from "./text.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

it("half a character is not well-formed", () => {
  expect(["", "a", "😀", "\ud83d\ude00"].every(isWellFormed)).toBe(true);
  expect(["\ud83d", "\ude00\ud83d", "a\udc00"].some(isWellFormed)).toBe(false);
});

it("texts are as long as in UTF-8", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      expect(utf8Length(text)).toBe(bytes(text).length);
    }),
  );
  expect(utf8Length("\ud83d")).toBe(3);
});

it("texts are in the order of their bytes in UTF-8", () => {
  expect(compareText("👍", "\uff5e")).toBeGreaterThan(0);
  expect("👍" < "\uff5e").toBe(true);
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), (one, other) => {
      const order = Buffer.compare(bytes(one), bytes(other));
      expect(Math.sign(compareText(one, other))).toBe(order);
    }),
  );
});
