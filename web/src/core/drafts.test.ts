import { expect, it } from "vitest";
import { givenBackOver, type Layer, onTop, replying, uncovered } from "./drafts.ts";

const target = (message: string) => ({ message, from: "me" });
const typed: Layer = { text: "typed", mentions: [] };
const edit = (message: string, text: string): Layer => ({ text, mentions: [], editing: target(message) });
const never = () => false;

it("an edit lies over what was typed, and a second edit over the first", () => {
  const first = onTop(typed, edit("a", "a2"), never);
  const second = onTop(first, edit("b", "b"), never);
  expect(second).toEqual({ ...edit("b", "b"), before: { ...edit("a", "a2"), before: typed } });
  expect(uncovered(second)).toEqual(first);
  expect(uncovered(uncovered(second))).toEqual(typed);
  expect(uncovered(typed)).toEqual({ text: "", mentions: [] });
});

it("an edit that changes nothing, and an empty draft, are not kept", () => {
  const first = onTop(typed, edit("a", "a"), never);
  expect(onTop(first, edit("b", "b"), ({ editing }) => editing?.message === "a")).toEqual({
    ...edit("b", "b"),
    before: typed,
  });
  expect(onTop({ text: "", mentions: [] }, edit("b", "b"), never)).toEqual(edit("b", "b"));
});

it("a message that is being edited already is not begun anew", () => {
  const first = onTop(typed, edit("a", "a changed"), never);
  expect(onTop(first, edit("a", "a"), never)).toEqual(first);
  const second = onTop(first, edit("b", "b changed"), never);
  expect(onTop(second, edit("a", "a"), never)).toEqual({
    ...edit("a", "a changed"),
    before: { ...edit("b", "b changed"), before: typed },
  });
});

it("a reply goes on with what is typed, and an edit comes back after it", () => {
  const reply = target("r");
  expect(replying(typed, reply, never)).toEqual({ ...typed, replyTo: reply });
  const during = onTop(typed, edit("a", "a2"), never);
  expect(replying(during, reply, never)).toEqual({ ...typed, replyTo: reply, before: edit("a", "a2") });
  expect(replying(during, reply, () => true)).toEqual({ ...typed, replyTo: reply });
  const alone = edit("a", "a2");
  expect(replying(alone, reply, never)).toEqual({ text: "", mentions: [], replyTo: reply, before: alone });
});

it("what comes back lies over what is typed, and is written before an edit of the same message", () => {
  expect(givenBackOver(typed, { text: "back", mentions: [] })).toEqual({
    text: "back",
    mentions: [],
    before: typed,
  });
  const during = onTop(typed, edit("a", "a2"), never);
  expect(givenBackOver(during, edit("a", "back"))).toEqual({ ...edit("a", "back\na2"), before: typed });
});
