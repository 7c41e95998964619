/** Texts as Rust has them: UTF-8, without half characters. JavaScript's are UTF-16. */

const LONE_SURROGATE = /\p{Surrogate}/u;

/** Returns false if the text has half a character. No such text can be written as UTF-8. */
export function isWellFormed(text: string): boolean {
  return !LONE_SURROGATE.test(text);
}

/** Returns the number of bytes in UTF-8. Half a character counts as the three of U+FFFD. */
export function utf8Length(text: string): number {
  let bytes = 0;
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charCodeAt(at);
    if (unit < 0x80) {
      bytes += 1;
    } else if (unit < 0x800) {
      bytes += 2;
    } else if (unit >= 0xd800 && unit < 0xdc00 && isLow(text.charCodeAt(at + 1))) {
      bytes += 4;
      at += 1;
    } else {
      bytes += 3;
    }
  }
  return bytes;
}

/**
 * Compares two texts by their bytes in UTF-8, which is the order of their code points. `<` orders
 * by UTF-16, in which an emoji comes before U+E000 to U+FFFF.
 */
export function compareText(one: string, other: string): number {
  const end = Math.min(one.length, other.length);
  for (let at = 0; at < end; at += 1) {
    const [a, b] = [one.charCodeAt(at), other.charCodeAt(at)];
    if (a !== b) {
      return rank(a) - rank(b);
    }
  }
  return one.length - other.length;
}

function isLow(unit: number): boolean {
  return unit >= 0xdc00 && unit < 0xe000;
}

/** Puts surrogates behind all other units, as the characters that they write are. */
function rank(unit: number): number {
  return unit >= 0xd800 && unit < 0xe000 ? unit + 0x10000 : unit;
}
