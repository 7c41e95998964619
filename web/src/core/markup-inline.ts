/** The markup within one line. See `markup.ts`. */
import type { Link, Meter } from "./linkify.ts";
import type { Token } from "./markup.ts";

type Kind = "strong" | "emphasis" | "strike";

/** A piece of a line, in order. */
type Piece =
  | { type: "leaf"; token: Token }
  | { type: "delimiter"; kind: Kind; text: string; canOpen: boolean; canClose: boolean; partner?: number };

const KINDS: Record<string, Kind> = { "**": "strong", _: "emphasis", "~~": "strike" };

/** Reads a part of the source that has no line break. `links` are those within, in order. */
export function inline(
  source: string,
  begin: number,
  end: number,
  links: readonly Link[],
  meter: Meter,
): Token[] {
  const pieces = cut(source, begin, end, links, meter);
  pair(pieces, meter);
  return build(pieces, meter);
}

function cut(source: string, begin: number, end: number, links: readonly Link[], meter: Meter): Piece[] {
  const pieces: Piece[] = [];
  const closers = closingTicks(source, begin, end, meter);
  let plain = begin;
  let link = 0;
  const flush = (to: number) => {
    if (to > plain) {
      pieces.push({ type: "leaf", token: { type: "text", text: source.slice(plain, to) } });
    }
  };
  const push = (from: number, to: number, ...more: Piece[]) => {
    flush(from);
    pieces.push(...more);
    plain = to;
    return to;
  };
  for (let at = begin; at < end; ) {
    meter.steps += 1;
    while ((links[link]?.from ?? end) < at) {
      link += 1;
    }
    const here = links[link];
    const character = source.charAt(at);
    const next = source.charAt(at + 1);
    if (here?.from === at) {
      at = push(at, here.to, { type: "leaf", token: linkToken(source, here) });
    } else if (character === "\\" && at + 1 < end && /[\\*_~`>]/.test(next)) {
      const leaves: Token[] = [
        { type: "mark", text: character },
        { type: "text", text: next },
      ];
      at = push(at, at + 2, ...leaves.map((token): Piece => ({ type: "leaf", token })));
    } else if (character === "`") {
      const ticks = runLength(source, at, end);
      const close = closers.get(at);
      if (close === undefined) {
        at += ticks;
      } else {
        at = push(at, close + ticks, { type: "leaf", token: codeToken(source, at, close, ticks) });
      }
    } else {
      const text = character === "_" ? "_" : character + next;
      const kind = at + text.length <= end ? KINDS[text] : undefined;
      at =
        kind === undefined
          ? at + 1
          : push(at, at + text.length, delimiter(source, at, text, kind, begin, end));
    }
  }
  flush(end);
  return pieces;
}

/**
 * Returns, for each run of backticks that begins code, where the run of the same length is that
 * ends it.
 */
function closingTicks(source: string, begin: number, end: number, meter: Meter): Map<number, number> {
  const next = new Map<number, number>();
  const closers = new Map<number, number>();
  for (let at = end - 1; at >= begin; at -= 1) {
    meter.steps += 1;
    if (source.charAt(at) !== "`") {
      continue;
    }
    const last = at;
    while (at > begin && source.charAt(at - 1) === "`") {
      meter.steps += 1;
      at -= 1;
    }
    const ticks = last - at + 1;
    const close = next.get(ticks);
    if (close !== undefined) {
      closers.set(at, close);
    }
    next.set(ticks, at);
  }
  return closers;
}

function runLength(source: string, at: number, end: number): number {
  let to = at;
  while (to < end && source.charAt(to) === "`") {
    to += 1;
  }
  return to - at;
}

function codeToken(source: string, at: number, close: number, ticks: number): Token {
  const mark = source.slice(at, at + ticks);
  return {
    type: "code",
    children: [
      { type: "mark", text: mark },
      { type: "text", text: source.slice(at + ticks, close) },
      { type: "mark", text: mark },
    ],
  };
}

function linkToken(source: string, { from, to, href, disguised }: Link): Token {
  const children: Token[] = [{ type: "text", text: source.slice(from, to) }];
  return disguised === undefined
    ? { type: "link", href, children }
    : { type: "link", href, disguised, children };
}

function delimiter(source: string, at: number, text: string, kind: Kind, begin: number, end: number): Piece {
  const before = at > begin ? source.charAt(at - 1) : " ";
  const after = at + text.length < end ? source.charAt(at + text.length) : " ";
  const isWord = (character: string) => /[\p{L}\p{N}_]/u.test(character);
  // `snake_case_names` have no emphasis.
  const isInWord = kind === "emphasis" && isWord(before) && isWord(after);
  return {
    type: "delimiter",
    kind,
    text,
    canOpen: !/\s/.test(after) && !isInWord && !(kind === "emphasis" && isWord(before)),
    canClose: !/\s/.test(before) && !isInWord && !(kind === "emphasis" && isWord(after)),
  };
}

/** Pairs the delimiters. One of each kind is open at most, so the stack has three entries. */
function pair(pieces: Piece[], meter: Meter): void {
  let open: number[] = [];
  for (const [at, piece] of pieces.entries()) {
    meter.steps += 1;
    if (piece.type !== "delimiter") {
      continue;
    }
    const mine = open.findIndex((index) => {
      const other = pieces[index];
      return other?.type === "delimiter" && other.kind === piece.kind;
    });
    const opener = open[mine];
    const partner = opener === undefined ? undefined : pieces[opener];
    // Nothing between the two is no text to mark.
    if (piece.canClose && opener !== undefined && opener + 1 < at && partner?.type === "delimiter") {
      partner.partner = at;
      piece.partner = opener;
      open = open.slice(0, mine);
    } else if (piece.canOpen) {
      // The nearer of two that open counts.
      open = [...open.filter((index) => index !== opener), at];
    }
  }
}

function build(pieces: readonly Piece[], meter: Meter): Token[] {
  const out: Token[] = [];
  const stack: Token[][] = [out];
  for (const [at, piece] of pieces.entries()) {
    meter.steps += 1;
    const into = stack.at(-1) ?? out;
    if (piece.type === "leaf") {
      into.push(piece.token);
    } else if (piece.partner === undefined) {
      into.push({ type: "text", text: piece.text });
    } else if (piece.partner > at) {
      const children: Token[] = [{ type: "mark", text: piece.text }];
      into.push({ type: piece.kind, children });
      stack.push(children);
    } else {
      into.push({ type: "mark", text: piece.text });
      stack.pop();
    }
  }
  return out;
}
