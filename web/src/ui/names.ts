/** How a name stands for a person or a room. */

/** Returns one or two letters of a name. */
export function initials(name: string): string {
  const words = name
    .trim()
    .split(/[\s._-]+/u)
    .filter((word) => /[\p{L}\p{N}]/u.test(word));
  const letters = words.slice(0, 2).map((word) => firstLetter(word));
  return letters.join("").toLocaleUpperCase() || "?";
}

function firstLetter(word: string): string {
  const shown = word.replace(/^[^\p{L}\p{N}]+/u, "");
  return String.fromCodePoint(shown.codePointAt(0) ?? 0x3f);
}

/** Returns the class of a colour. The same id has the same colour everywhere. */
export function hueOf(id: string): string {
  let sum = 0x811c9dc5;
  for (let at = 0; at < id.length; at += 1) {
    sum = Math.imul(sum ^ id.charCodeAt(at), 0x01000193) >>> 0;
  }
  // The ids of one moment differ in few bits only: mix them.
  sum = Math.imul(sum ^ (sum >>> 15), 0x2c1b3c6d) >>> 0;
  return `hue-${(sum ^ (sum >>> 13)) & 7}`;
}
