/**
 * Texts as a search compares them: without case, width and, on Latin letters, marks. `é` is found
 * as `e`; `й` and `が` stay what they are, as they do in the history of the command line.
 */

/**
 * Returns the text to compare. Fold the text and what is searched for, and look for one in the
 * other.
 */
export function fold(text: string): string {
  return text
    .normalize("NFKD")
    .toLowerCase()
    .replace(/([a-z])[\u0300-\u036f]+/g, "$1")
    .replaceAll("ς", "σ")
    .normalize("NFKC");
}

/** Returns the folded words of a search. A text is found if it has all of them, anywhere. */
export function searchWords(query: string): string[] {
  return [
    ...new Set(
      fold(query)
        .split(/\s+/)
        .filter((word) => word !== ""),
    ),
  ];
}

/** Returns whether a folded text has all words. */
export function hasWords(folded: string, words: readonly string[]): boolean {
  return words.every((word) => folded.includes(word));
}
