/** Who is mentioned in a text. */
import { MENTIONS_MAX } from "../../core/draft.ts";
import type { Id } from "../../core/id.ts";
import type { Member } from "../../state/room-model.ts";

/** Returns the members whose `@username` stands in the text, at most as many as may be named. */
export function mentionsIn(text: string, members: readonly Member[]): Id[] {
  const named = [...text.matchAll(/(?<![\p{L}\p{N}@])@([\p{L}\p{N}._-]+)/gu)].map(([, name = ""]) => name);
  const users = named.flatMap((name) => {
    // “@bob.” names bob at the end of a sentence.
    const shorter = name.replace(/[._-]+$/, "");
    const found = members.find(({ username }) => username === name || username === shorter);
    return found === undefined ? [] : [found.user];
  });
  return [...new Set(users)].slice(0, MENTIONS_MAX);
}
