import { expect, it } from "vitest";
import { indexed, term } from "./words.ts";

it("scripts without blanks are cut into pairs", () => {
  expect(indexed("hello there")).toBe("hello there");
  expect(indexed("東京都")).toBe(" 東京 京都 都");
  expect(indexed("in 東京, now")).toBe("in  東京 京 , now");
  expect(indexed("字")).toBe(" 字");
  expect(indexed("𠀀𠀁")).toBe(" 𠀀𠀁 𠀁");
});

it("a term is quoted", () => {
  expect(term("lunch", false)).toBe('"lunch"');
  expect(term("lun", true)).toBe('"lun" *');
  expect(term('say "hi" OR', false)).toBe('"say ""hi"" OR"');
  expect(term("東京都", false)).toBe('" 東京 京都"');
  expect(term("都", false)).toBe('" 都" *');
});
