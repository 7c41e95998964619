/**
 * How texts are cut into words for an index, and how a search is, as the history of the command
 * line does it. Some scripts write without blanks. Their runs are cut into overlapping pairs of
 * characters.
 */

/** Han, Kana, Thai, Lao, Myanmar and Khmer. */
const RUNS_ON =
  /^[\u3005\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f\u{20000}-\u{323af}\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\ua9e0-\ua9ff\uaa60-\uaa7f]$/u;

function runsOn(character: string | undefined): boolean {
  return character !== undefined && RUNS_ON.test(character);
}

/** Returns the text to give to the index. */
export function indexed(text: string): string {
  // The last character of a run stands alone too, so that a search for one character finds it.
  return cut(text, true);
}

/**
 * Returns one term of FTS5's query language: the words in this order, or the last one as a
 * beginning.
 */
export function term(words: string, isPrefix: boolean): string {
  const characters = [...words];
  const isLone = characters.length === 1 && runsOn(characters[0]);
  const quoted = cut(words, false).replaceAll('"', '""');
  return `"${quoted}"${isPrefix || isLone ? " *" : ""}`;
}

function cut(text: string, withLast: boolean): string {
  const characters = [...text];
  if (!characters.some(runsOn)) {
    return text;
  }
  const out: string[] = [];
  let beforeRan = false;
  for (const [at, character] of characters.entries()) {
    if (!runsOn(character)) {
      out.push(beforeRan ? " " : "", character);
      beforeRan = false;
      continue;
    }
    const next = characters[at + 1];
    const isPair = runsOn(next);
    if (isPair || withLast || !beforeRan) {
      out.push(" ", character, isPair ? (next ?? "") : "");
    }
    beforeRan = true;
  }
  return out.join("");
}
