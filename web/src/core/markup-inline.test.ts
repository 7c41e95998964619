import { expect, it } from "vitest";
import { inline } from "./markup-inline.ts";

it("reads only the part that it is given", () => {
  const source = "**a** b **c**";
  expect(inline(source, 6, 7, [], { steps: 0 })).toEqual([{ type: "text", text: "b" }]);
  expect(inline(source, 0, 4, [], { steps: 0 }).map(({ type }) => type)).toEqual(["text", "text"]);
});
