/**
 * The words of the screens. A key that a language lacks, and a value that a text needs, are errors
 * of the compiler.
 */
import { signal } from "@preact/signals";
import { en } from "./en/index.ts";

export type Catalogue = typeof en;
export type Key = keyof Catalogue;
/** The forms of a text that counts `n`. */
export type Forms = { other: string } & Partial<Record<Intl.LDMLPluralRule, string>>;
export type Entry = string | Forms;
export type Translation = Record<Key, Entry>;
export type Language = "en" | "ru" | "pseudo";
export type Value = string | number;

type NamesIn<S> = S extends `${string}{${infer Name}}${infer Rest}` ? Name | NamesIn<Rest> : never;
/** The names that stand in braces in a text. A text with forms always counts. */
export type NamesOf<K extends Key> = Catalogue[K] extends string
  ? NamesIn<Catalogue[K]>
  : NamesIn<Catalogue[K][keyof Catalogue[K]]> | "n";
type Rest<K extends Key> = [NamesOf<K>] extends [never] ? [] : [values: Record<NamesOf<K>, Value>];

export const language = signal<Language>("en");
const translation = signal<Translation>(en);

let latest: Language = "en";

/**
 * Loads a language and shows it, unless another one is wanted by then. Fails if the browser cannot
 * load it: the shown one stays.
 */
export async function speak(wanted: Language): Promise<void> {
  latest = wanted;
  const loaded = await load(wanted);
  if (latest === wanted) {
    language.value = wanted;
    translation.value = loaded;
  }
}

/** Returns the first language of the browser that there are words for. */
export function languageOf(browser: readonly string[]): Language {
  const known = browser.map((tag) => tag.slice(0, 2).toLowerCase());
  return known.find((tag): tag is "en" | "ru" => tag === "en" || tag === "ru") ?? "en";
}

/** Returns a text. What stands in braces is isolated, so that it cannot turn the rest around. */
export function t<K extends Key>(key: K, ...[values]: Rest<K>): string {
  return partsOf(key, values ?? {})
    .map((part) => (typeof part === "string" ? part : isolated(part.value)))
    .join("");
}

/** Returns a text for a key from elsewhere, or `undefined` if there is none. */
export function lookUp(key: string, values: Record<string, Value>): string | undefined {
  return isKey(key) ? (t as (key: Key, values: Record<string, Value>) => string)(key, values) : undefined;
}

export function isKey(key: string): key is Key {
  return Object.hasOwn(en, key);
}

/** Returns the pieces of a text, so that a screen can put elements between them. */
export function partsOf(
  key: Key,
  values: Record<string, Value>,
): (string | { name: string; value: Value })[] {
  const entry = translation.value[key];
  const text = typeof entry === "string" ? entry : (entry[formOf(values["n"])] ?? entry.other);
  return text
    .split(/\{(\w+)\}/)
    .map((piece, at) => (at % 2 === 0 ? piece : { name: piece, value: values[piece] ?? "" }))
    .filter((part) => part !== "");
}

/** The tag for `Intl`, with the region that the browser prefers. */
export function locale(): string {
  const shown = language.value === "ru" ? "ru" : "en";
  const preferred = typeof navigator === "undefined" ? [] : navigator.languages;
  return (
    preferred.find((tag) => tag.toLowerCase().startsWith(`${shown}-`)) ?? (shown === "ru" ? "ru" : "en-GB")
  );
}

function formOf(n: Value | undefined): Intl.LDMLPluralRule {
  return typeof n === "number" ? new Intl.PluralRules(locale()).select(n) : "other";
}

function isolated(value: Value): string {
  return typeof value === "number" ? new Intl.NumberFormat(locale()).format(value) : `\u2068${value}\u2069`;
}

async function load(wanted: Language): Promise<Translation> {
  switch (wanted) {
    case "ru":
      return (await import("./ru/index.ts")).ru;
    case "pseudo":
      return (await import("./pseudo.ts")).pseudo(en);
    case "en":
      return en;
  }
}
