/** What is completed before the caret: a person after `@`, an emoji after `:`. */

export interface Completion {
  what: "person" | "emoji";
  /** What is typed, without its sign. */
  words: string;
  /** Where the sign stands. */
  from: number;
  to: number;
}

/** Returns what can be completed at the caret. */
export function completionAt(text: string, caret: number): Completion | undefined {
  // A name is short: only what is near the caret can be one.
  const near = text.slice(Math.max(0, caret - 40), caret);
  const person = /(?:^|[\s(])@([\p{L}\p{N}._-]*)$/u.exec(near)?.[1];
  if (person !== undefined) {
    return { what: "person", words: person, from: caret - person.length - 1, to: caret };
  }
  const emoji = /(?:^|[\s(]):([\p{L}\p{N}_+-]{2,})$/u.exec(near)?.[1];
  return emoji === undefined
    ? undefined
    : { what: "emoji", words: emoji, from: caret - emoji.length - 1, to: caret };
}

/** Puts what was chosen in the place of what was typed. */
export function putIn(
  text: string,
  { from, to }: Completion,
  chosen: string,
): { text: string; caret: number } {
  const rest = text.slice(to);
  const put = rest.startsWith(" ") ? chosen : `${chosen} `;
  return {
    text: text.slice(0, from) + put + rest,
    caret: from + put.length + (rest.startsWith(" ") ? 1 : 0),
  };
}
