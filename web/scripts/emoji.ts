// Cuts the data of emojibase to what the picker needs, as modules that Vite builds.
import { createRequire } from "node:module";
import type { Plugin } from "vite";

interface Entry {
  unicode: string;
  label: string;
  tags?: string[];
  group?: number;
  order?: number;
}

const require = createRequire(import.meta.url);
const PREFIX = "virtual:emoji-";
/** Tags beyond these find little and weigh much; Russian letters weigh more. */
const TAGS_MAX: Record<string, number> = { en: 5, ru: 1 };
/** The group of the parts that emoji are made of, such as skin tones. */
const PARTS = 2;

/** Returns a text for each group: a line has the emoji, its name and its tags. */
export function groupsOf(language: string): string[] {
  const all: Entry[] = require(`emojibase-data/${language}/compact.json`);
  const groups: string[][] = [];
  for (const entry of all.toSorted((one, other) => (one.order ?? 0) - (other.order ?? 0))) {
    const { group, unicode, label, tags = [] } = entry;
    if (group === undefined || group === PARTS) {
      continue;
    }
    const words = label.toLowerCase().split(/[^\p{L}\p{N}]+/u);
    const more = tags.filter((tag) => !words.includes(tag.toLowerCase())).slice(0, TAGS_MAX[language]);
    const at = group > PARTS ? group - 1 : group;
    const lines = groups[at] ?? [];
    groups[at] = lines;
    lines.push([unicode, label, more.join(" ")].join("\t").trimEnd());
  }
  return groups.map((lines) => lines.join("\n"));
}

export function emoji(): Plugin {
  return {
    name: "ferry-emoji",
    resolveId: (id) => (id.startsWith(PREFIX) ? `\0${id}` : null),
    load: (id) =>
      id.startsWith(`\0${PREFIX}`)
        ? `export default ${JSON.stringify(groupsOf(id.slice(PREFIX.length + 1)))};`
        : null,
  };
}
