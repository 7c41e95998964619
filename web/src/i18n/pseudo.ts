/** A language that shows what is not translated and what has too little room. */
import type { Entry, Translation } from "./words.ts";

const LETTERS: Record<string, string> = {
  a: "å",
  e: "é",
  i: "ï",
  o: "ö",
  u: "ü",
  c: "ç",
  n: "ñ",
  y: "ÿ",
  A: "Å",
  E: "É",
  O: "Ö",
};

export function pseudo(from: Record<string, Entry>): Translation {
  const entries = Object.entries(from).map(([key, entry]) => {
    if (typeof entry === "string") {
      return [key, strange(entry)];
    }
    return [key, Object.fromEntries(Object.entries(entry).map(([form, text]) => [form, strange(text)]))];
  });
  return Object.fromEntries(entries) as Translation;
}

function strange(text: string): string {
  const turned = text.replace(/\{\w+\}|./g, (piece) => LETTERS[piece] ?? piece);
  // It is a quarter longer, as German is, in words that are long and not without end.
  const more = "~".repeat(Math.ceil(text.length / 4)).replace(/~{14}(?=~)/g, "$& ");
  return `[${turned}${more}]`;
}
