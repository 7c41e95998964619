/** The emoji, loaded when they are first asked for. */
import { fold } from "../../core/fold.ts";
import { language } from "../../i18n/words.ts";

export interface Emoji {
  glyph: string;
  label: string;
  /** Folded words to find it by. */
  words: string;
}

/** Nine groups: faces, people, animals, food, travel, activities, objects, symbols, flags. */
const loaded = new Map<string, Promise<Emoji[][]>>();

export function loadEmoji(): Promise<Emoji[][]> {
  const name = language.peek() === "ru" ? "ru" : "en";
  let data = loaded.get(name);
  if (data === undefined) {
    const module = name === "ru" ? import("virtual:emoji-ru") : import("virtual:emoji-en");
    data = module.then(({ default: groups }) => groups.map((group) => group.split("\n").map(read)));
    // What failed once may be there later.
    data.catch(() => loaded.delete(name));
    loaded.set(name, data);
  }
  return data;
}

/** Returns the emoji for some words. Those whose name begins with them come first. */
export function findEmoji(groups: readonly Emoji[][], words: string, most: number): Emoji[] {
  const wanted = fold(words.replace(/_/g, " ")).trim();
  const ranked = groups.flat().flatMap((emoji) => {
    const label = fold(emoji.label);
    const rank = label.startsWith(wanted) ? 0 : ` ${emoji.words}`.includes(` ${wanted}`) ? 1 : undefined;
    return rank === undefined ? [] : [{ emoji, rank }];
  });
  return ranked
    .toSorted((one, other) => one.rank - other.rank)
    .slice(0, most)
    .map(({ emoji }) => emoji);
}

function read(line: string): Emoji {
  const [glyph = "", label = "", tags = ""] = line.split("\t");
  return { glyph, label, words: fold(`${label} ${tags}`) };
}
