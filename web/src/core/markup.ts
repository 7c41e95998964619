/**
 * Reads the little markup of messages: `**strong**`, `_emphasis_`, `~~strike~~`, `` `code` ``,
 * fences of code, and lines that begin with `>`. It makes a tree of tokens and never HTML. The
 * texts of all leaves, one after the other, are the source. The work is linear in its length, and
 * the tree is at most six branches deep.
 */

import { linkify, type Meter } from "./linkify.ts";
import { inline } from "./markup-inline.ts";

/** A piece of the source. `mark` is syntax, which a screen hides. */
export interface Leaf {
  type: "text" | "mark" | "break";
  text: string;
}

export type Branch =
  | { type: "strong" | "emphasis" | "strike" | "code" | "quote"; children: Token[] }
  | { type: "fence"; language: string; children: Token[] }
  | { type: "link"; href: string; disguised?: string; children: Token[] };

export type Token = Leaf | Branch;

/** Reads a text. */
export function markup(source: string, meter: Meter = { steps: 0 }): Token[] {
  const links = linkify(source, meter);
  const tokens: Token[] = [];
  let quote: Token[] | undefined;
  let link = 0;
  for (let at = 0; at < source.length; ) {
    const end = lineEnd(source, at);
    const line = source.slice(at, end);
    meter.steps += line.length + 1;
    while ((links[link]?.to ?? Number.POSITIVE_INFINITY) <= at) {
      link += 1;
    }
    const ticks = /^`{3,}(?=[^`]*$)/.exec(line)?.[0].length ?? 0;
    if (ticks > 0) {
      const fence = fenced(source, at, ticks, meter);
      quote = undefined;
      tokens.push(fence.token);
      at = fence.end;
      continue;
    }
    const prefix = /^> ?/.exec(line)?.[0] ?? "";
    if (prefix === "") {
      quote = undefined;
    } else if (quote === undefined) {
      quote = [];
      tokens.push({ type: "quote", children: quote });
    }
    const into = quote ?? tokens;
    if (prefix !== "") {
      into.push({ type: "mark", text: prefix });
    }
    let after = link;
    while ((links[after]?.from ?? Number.POSITIVE_INFINITY) < end) {
      after += 1;
    }
    into.push(...inline(source, at + prefix.length, end, links.slice(link, after), meter));
    if (end < source.length) {
      into.push({ type: "break", text: source.charAt(end) });
    }
    at = end + 1;
  }
  return tokens;
}

/** Returns the source of tokens. */
export function sourceOf(tokens: readonly Token[]): string {
  return tokens.map((token) => ("children" in token ? sourceOf(token.children) : token.text)).join("");
}

/**
 * Returns what is left without the syntax: the text of a notification, or of a quote in one line.
 */
export function plainOf(tokens: readonly Token[]): string {
  const plain = (token: Token): string =>
    "children" in token ? plainOf(token.children) : token.type === "mark" ? "" : token.text;
  return tokens.map(plain).join("");
}

function lineEnd(source: string, at: number): number {
  const end = source.indexOf("\n", at);
  return end < 0 ? source.length : end;
}

/**
 * Reads a fence that begins at `at`. One that is not closed reaches to the end, so none is read
 * twice.
 */
function fenced(source: string, at: number, ticks: number, meter: Meter): { token: Token; end: number } {
  const openEnd = lineEnd(source, at);
  const language = source.slice(at + ticks, openEnd).trim();
  const children: Token[] = [];
  let begin = Math.min(openEnd + 1, source.length);
  children.push({ type: "mark", text: source.slice(at, begin) });
  const textBegin = begin;
  while (begin < source.length) {
    const end = lineEnd(source, begin);
    const line = source.slice(begin, end);
    meter.steps += line.length + 1;
    if (/^`{3,}\s*$/.test(line) && line.trimEnd().length >= ticks) {
      const after = Math.min(end + 1, source.length);
      children.push({ type: "text", text: source.slice(textBegin, begin) });
      children.push({ type: "mark", text: source.slice(begin, after) });
      return { token: { type: "fence", language, children }, end: after };
    }
    begin = end + 1;
  }
  children.push({ type: "text", text: source.slice(textBegin) });
  return { token: { type: "fence", language, children }, end: source.length };
}
