/** How the records of a backup are divided into files. */
import { monthOf } from "../core/digest.ts";
import { type Item, lineOf } from "../core/item.ts";

/** The greatest part of messages and outcomes, in bytes. */
const PART_MAX = 4 << 20;
/** The files that are there also without records, in their order. */
const CELLS = ["rooms.jsonl", "people.jsonl", "cells.jsonl"];

export interface File {
  name: string;
  content: Uint8Array;
}

/** Returns the files. Fails if the records do not come in the order of the files. */
export async function* files(items: AsyncIterable<Item>): AsyncGenerator<File> {
  const utf8 = new TextEncoder();
  const done = new Set<string>();
  let [group, part, size] = [CELLS[0] as string, 1, 0];
  let lines: Uint8Array[] = [];
  const take = (): File => {
    const file = { name: nameOf(group, part), content: joined(lines, size) };
    [lines, size] = [[], 0];
    return file;
  };
  for await (const item of items) {
    const next = groupOf(item);
    if (next !== group) {
      yield take();
      done.add(group);
      yield* CELLS.slice(CELLS.indexOf(group) + 1, cellsBefore(group, next)).map(empty);
      if (done.has(next) || (CELLS.includes(next) && CELLS.indexOf(next) < CELLS.indexOf(group))) {
        throw new Error("the records of a backup are out of order");
      }
      [group, part] = [next, 1];
    }
    const line = utf8.encode(`${lineOf(item)}\n`);
    if (size > 0 && size + line.length > PART_MAX && isDivided(group)) {
      yield take();
      part += 1;
    }
    lines.push(line);
    size += line.length;
  }
  yield take();
  yield* CELLS.slice(CELLS.indexOf(group) + 1, cellsBefore(group, undefined)).map(empty);
}

/** Returns up to which file of cells the empty ones are written, when `next` follows `group`. */
function cellsBefore(group: string, next: string | undefined): number {
  if (!CELLS.includes(group)) {
    return 0;
  }
  return next !== undefined && CELLS.includes(next) ? CELLS.indexOf(next) : CELLS.length;
}

function empty(name: string): File {
  return { name, content: new Uint8Array(0) };
}

function groupOf(item: Item): string {
  switch (item.section) {
    case "cells":
      return item.kind === "room" ? "rooms.jsonl" : item.kind === "person" ? "people.jsonl" : "cells.jsonl";
    case "outcomes":
      return "outcomes";
    case "notices":
      return `notices/${monthOf(item.at)}`;
    case "messages":
      return `messages/${monthOf(item.record.sentAt)}`;
  }
}

function isDivided(group: string): boolean {
  return group === "outcomes" || group.startsWith("messages/");
}

function nameOf(group: string, part: number): string {
  const number = `${part}`.padStart(4, "0");
  if (group === "outcomes") {
    return `outcomes/${number}.jsonl`;
  }
  if (group.startsWith("messages/")) {
    return `${group}.${number}.jsonl`;
  }
  return group.startsWith("notices/") ? `${group}.jsonl` : group;
}

function joined(lines: Uint8Array[], size: number): Uint8Array {
  const out = new Uint8Array(size);
  let at = 0;
  for (const line of lines) {
    out.set(line, at);
    at += line.length;
  }
  return out;
}
