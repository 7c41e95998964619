import { describe, expect, it } from "vitest";
import {
  deleteDraft,
  editDraft,
  forwardDraft,
  MENTIONS_MAX,
  reactionDraft,
  replyDraft,
  textDraft,
  withMentions,
} from "./draft.ts";
import { parseBody } from "./kinds.ts";
import type { Message } from "./message.ts";

const id = (number: number) => `00000000-0000-7000-8000-${`${number}`.padStart(12, "0")}`;
const target = { message: id(1), from: id(2) };

describe("a draft", () => {
  it("has the form of its kind", () => {
    const drafts = [
      textDraft("hi"),
      replyDraft(id(1), "hi"),
      editDraft(target, "hi"),
      deleteDraft(target),
      reactionDraft(target, "👍"),
      reactionDraft(target, "👍", true),
    ];
    for (const { kind, body } of drafts) {
      expect(parseBody(kind, body)).toMatchObject({ kind });
    }
    expect(reactionDraft(target, "👍").body).toEqual({ target, emoji: "👍" });
  });

  it("has no half character", () => {
    expect(textDraft("a\ud83d").body).toBe("a\ufffd");
    expect(textDraft("😀").body).toBe("😀");
  });

  it("mentions each member once, and 32 at most", () => {
    const users = Array.from({ length: 40 }, (_, at) => id(at));
    expect(withMentions(withMentions(textDraft("x"), users), users).mentions).toEqual(
      users.slice(0, MENTIONS_MAX),
    );
    expect(withMentions(textDraft("x"), [])).toEqual(textDraft("x"));
  });
});

it("a forward has the type of what it passes on, and an action has no forward", () => {
  const from = { user: id(2), device: id(3), role: "member" as const };
  const message: Message = {
    id: id(1),
    room: id(4),
    from,
    kind: "text",
    body: "x",
    epoch: 1,
    seq: 1,
    sent_at: 7,
  };
  const origin = { from: id(2), sent_at: 7 };
  expect(forwardDraft({ ...message, content_type: "text/markdown" })).toEqual({
    kind: "forward",
    body: { origin, kind: "text", body: "x" },
    content_type: "text/markdown",
  });
  expect(forwardDraft({ ...message, ...deleteDraft(target) })).toBeUndefined();
});
