/**
 * Finds addresses in a text: `https://`, `http://`, `www.` and mail. Only these schemes become
 * links, and no address with a user or a password does. The work is linear in the length of the
 * text.
 */

export interface Link {
  /** Where it stands in the text. */
  from: number;
  to: number;
  /** What a click opens: `http:`, `https:` or `mailto:`. */
  href: string;
  /**
   * The host in ASCII, if it must be shown beside the text: its letters belong to scripts that a
   * user may mistake for each other.
   */
  disguised?: string;
}

/** Counts the characters that were looked at, for the test that this is linear. */
export interface Meter {
  steps: number;
}

/** The longest address. A longer one stays text. */
export const ADDRESS_MAX = 2_048;

/**
 * What ends an address: blanks, quotes, angle brackets, controls, and characters that change how
 * the text looks without being seen.
 */
const ENDS = /[\s<>"`\p{Cc}\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/u;
const MAIL = /^[a-z0-9.!#$%&'*+/=?^_{|}~-]{1,64}@[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63})+$/i;
const CLOSERS: Record<string, string> = { ")": "(", "]": "[", "}": "{" };

/** Returns the links of a text, in order. */
export function linkify(text: string, meter: Meter = { steps: 0 }): Link[] {
  const links: Link[] = [];
  let begin = 0;
  for (let at = 0; at <= text.length; at += 1) {
    meter.steps += 1;
    if (at < text.length && !ENDS.test(text.charAt(at))) {
      continue;
    }
    // The words of a text do not overlap, so looking at each a fixed number of times is linear.
    const link = at - begin >= 5 ? linkIn(text.slice(begin, at), begin, meter) : undefined;
    if (link !== undefined) {
      links.push(link);
    }
    begin = at + 1;
  }
  return links;
}

function linkIn(word: string, offset: number, meter: Meter): Link | undefined {
  meter.steps += word.length;
  const web = /(?<![\p{L}\p{N}])(?:https?:\/\/|www\.)/iu.exec(word);
  if (web !== null) {
    return webLink(word, web.index, offset, meter);
  }
  const mark = word.indexOf("@");
  return mark > 0 && mark === word.lastIndexOf("@") ? mailLink(word, offset, meter) : undefined;
}

function webLink(word: string, from: number, offset: number, meter: Meter): Link | undefined {
  const shown = trimmed(word.slice(from), meter);
  if (shown.length > ADDRESS_MAX) {
    return undefined;
  }
  const isBare = /^www\./i.test(shown);
  const address = parse(isBare ? `https://${shown}` : shown);
  if (address === undefined || (isBare && !/^www\.[^.].*\../i.test(address.hostname))) {
    return undefined;
  }
  const authority = shown.replace(/^https?:\/\//i, "").split(/[/?#\\]/, 1)[0] ?? "";
  const link: Link = { from: offset + from, to: offset + from + shown.length, href: address.href };
  return isDisguise(authority) ? { ...link, disguised: address.host } : link;
}

function mailLink(word: string, offset: number, meter: Meter): Link | undefined {
  const from = /^[([{'*_~]*/.exec(word)?.[0].length ?? 0;
  const shown = trimmed(word.slice(from), meter).replace(/^mailto:/i, "");
  const skipped = /^mailto:/i.test(word.slice(from)) ? "mailto:".length : 0;
  if (shown.length > 254 || !MAIL.test(shown)) {
    return undefined;
  }
  const [user = "", host = ""] = shown.split("@");
  const begin = offset + from + skipped;
  return { from: begin, to: begin + shown.length, href: `mailto:${encodeURIComponent(user)}@${host}` };
}

function parse(text: string): URL | undefined {
  let address: URL;
  try {
    address = new URL(text);
  } catch {
    return undefined;
  }
  const isWeb = address.protocol === "http:" || address.protocol === "https:";
  // `https://bank.example@evil.example` looks like the bank's.
  const hasUser = address.username !== "" || address.password !== "";
  return isWeb && !hasUser && address.hostname !== "" ? address : undefined;
}

/** Takes punctuation off the end, and a bracket that was not opened within. */
function trimmed(text: string, meter: Meter): string {
  const open: Record<string, number> = { "(": 0, "[": 0, "{": 0 };
  const closed: Record<string, number> = { ")": 0, "]": 0, "}": 0 };
  for (const character of text) {
    meter.steps += 1;
    if (character in open) {
      open[character] = (open[character] ?? 0) + 1;
    } else if (character in closed) {
      closed[character] = (closed[character] ?? 0) + 1;
    }
  }
  let end = text.length;
  while (end > 0) {
    meter.steps += 1;
    const last = text.charAt(end - 1);
    const opener = CLOSERS[last];
    if (opener !== undefined) {
      if ((closed[last] ?? 0) <= (open[opener] ?? 0)) {
        break;
      }
      closed[last] = (closed[last] ?? 0) - 1;
    } else if (!/[.,;:!?'*_~|…。、，！？）」』】]/.test(last)) {
      break;
    }
    end -= 1;
  }
  return text.slice(0, end);
}

/**
 * Returns true for a host that mixes scripts with similar letters, in the whole or in its ending.
 */
function isDisguise(authority: string): boolean {
  if (/^[\x21-\x7e]*$/.test(authority)) {
    return false;
  }
  const similar = [/\p{Script=Latin}/u, /\p{Script=Cyrillic}/u, /\p{Script=Greek}/u, /\p{Script=Armenian}/u];
  const scripts = similar.filter((script) => script.test(authority)).length;
  // Letters that another form of the same text does not have: `ｂank`, `㎏`.
  return scripts > 1 || authority !== authority.normalize("NFKC");
}
