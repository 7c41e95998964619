/** The search of a screen: results come while it runs, and it stops when the screen goes. */
import { signal } from "@preact/signals";
import { fold, searchWords } from "../core/fold.ts";
import { wordsOf } from "../db/messages.ts";
import type { MessageRow } from "../db/rows.ts";
import { search as searchStore } from "../db/search.ts";
import type { Mirror } from "./mirror.ts";
import type { Hit, Search, SearchQuery } from "./model.ts";
import { personName, roomName } from "./names.ts";
import { targetOfRow } from "./overlay.ts";

/** The hits that one step brings. */
const STEP = 50;
/** The characters around the first word. */
const BEFORE = 40;
const EXCERPT = 160;

export function search(mirror: Mirror, query: SearchQuery): Search {
  const hits = signal<Hit[]>([]);
  const state = signal<"running" | "paused" | "done" | "failed">("running");
  let wanted = STEP;
  let isCancelled = false;
  let wake: () => void = () => undefined;
  const run = async () => {
    const home = mirror.home.peek();
    if (home === undefined) {
      return;
    }
    const words = searchWords(query.words);
    for await (const rows of searchStore(home.db, query)) {
      // Only where there is more to show, so that "more" never brings nothing.
      while (rows.length > 0 && !isCancelled && hits.peek().length >= wanted) {
        state.value = "paused";
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
        state.value = "running";
      }
      if (isCancelled) {
        return;
      }
      if (rows.length > 0) {
        const found = [...hits.peek(), ...rows.map((row) => toHit(mirror, row, words))];
        // The messages of the last minutes are on no page yet, and come room by room.
        hits.value = found.sort((one, other) => other.at - one.at);
      }
    }
  };
  run().then(
    () => {
      state.value = "done";
    },
    () => {
      state.value = "failed";
    },
  );
  return {
    hits,
    state,
    more() {
      wanted = hits.peek().length + STEP;
      wake();
    },
    cancel() {
      isCancelled = true;
      wake();
    },
  };
}

function toHit(mirror: Mirror, row: MessageRow, words: readonly string[]): Hit {
  const people = mirror.people.peek();
  const room = mirror.rooms.peek().get(row.room);
  const { excerpt, marks } = excerptOf(wordsOf(row.slot) ?? "", words);
  return {
    room: row.room,
    roomName: room === undefined ? "" : roomName(room, people),
    target: targetOfRow(row),
    author: personName(people, row.user),
    at: row.sent_at ?? 0,
    excerpt,
    marks,
  };
}

/** Returns the text around the first word, and where the words are in it. */
export function excerptOf(
  text: string,
  words: readonly string[],
): { excerpt: string; marks: [number, number][] } {
  const characters = [...text];
  // A character may become several when it is folded, so each position says where it came from.
  const origin: number[] = [];
  let folded = "";
  for (const [at, character] of characters.entries()) {
    const its = fold(character);
    folded += its;
    origin.push(...Array.from({ length: its.length }, () => at));
  }
  const found = words
    .map((word): [number, number] => {
      const from = folded.indexOf(word);
      return from < 0 ? [-1, -1] : [origin[from] ?? 0, (origin[from + word.length - 1] ?? 0) + 1];
    })
    .filter(([from]) => from >= 0)
    .sort(([one], [other]) => one - other);
  const begin = Math.max(0, (found[0]?.[0] ?? 0) - BEFORE);
  const end = Math.min(characters.length, begin + EXCERPT);
  const [left, right] = [begin > 0 ? "…" : "", end < characters.length ? "…" : ""];
  // Marks count as `slice` does, in units of UTF-16.
  const units = (at: number) => left.length + characters.slice(begin, at).join("").length;
  const inside = found.filter(([from, to]) => from >= begin && to <= end);
  return {
    excerpt: left + characters.slice(begin, end).join("") + right,
    marks: inside.map(([from, to]) => [units(from), units(to)]),
  };
}
