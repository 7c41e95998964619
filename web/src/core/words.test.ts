import { describe, it } from "vitest";
import { runSteps, vectorCases } from "../../test/vectors/file.ts";
import { fold } from "./fold.ts";
import { indexed, term } from "./words.ts";

describe("words", () => {
  it.each(vectorCases("words.json"))("$name", (vector) => {
    runSteps(vector, {
      indexed: ({ text }: { text: string }) => indexed(text),
      term: ({ words, is_prefix }: { words: string; is_prefix: boolean }) => term(words, is_prefix),
      finds: ({ text, words }: { text: string; words: string }) => fold(text).includes(fold(words)),
    });
  });
});
