import fc from "fast-check";
import { expect, it } from "vitest";
import { fold, hasWords, searchWords } from "./fold.ts";

it.each([
  ["É", "e"],
  ["ＦＥＲＲＹ １２", "ferry 12"],
  ["Straße", "straße"],
  ["ΟΔΟΣ", "οδοσ"],
  ["ﬁnd", "find"],
  ["ДЁМ", "дём"],
  ["ｶﾞｷﾞ", "ガギ"],
  ["한국", "한국"],
  ["ở", "o"],
  ["İstanbul", "istanbul"],
])("%s is folded", (text, folded) => {
  expect(fold(text)).toBe(folded.normalize("NFKC"));
});

it("marks that make another letter stay", () => {
  expect(fold("й")).not.toBe(fold("и"));
  expect(fold("が")).not.toBe(fold("か"));
  expect(fold("ก้")).not.toBe(fold("ก"));
});

it("folding twice is folding once, for what is composed or not", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), (text) => {
      expect(fold(fold(text))).toBe(fold(text));
      expect(fold(text.normalize("NFD"))).toBe(fold(text.normalize("NFC")));
    }),
  );
});

it("a text is found by all words, anywhere in it and in any script", () => {
  const text = fold("Mittagessen in 東京, um Zwölf");
  expect(hasWords(text, searchWords("ZWOLF essen"))).toBe(true);
  expect(hasWords(text, searchWords("京"))).toBe(true);
  expect(hasWords(text, searchWords("zwölf abend"))).toBe(false);
  expect(searchWords("  a  A ")).toEqual(["a"]);
});
