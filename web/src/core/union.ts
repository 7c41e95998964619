/**
 * Which of two records of one identity counts, when histories are united. The answer does not
 * depend on the order, so a union can be repeated, and devices that have united have the same.
 */
import type { Item } from "./item.ts";
import { type MessageRecord, restamped } from "./record.ts";
import { compareText } from "./text.ts";

type Cell = Extract<Item, { section: "cells" }>;
type Outcome = Extract<Item, { section: "outcomes" }>;

/** Returns what names a record. Records with one key are the same, in another copy or version. */
export function keyOf(item: Item): string {
  switch (item.section) {
    case "messages":
      return `m/${item.record.user}/${item.record.device}/${item.record.id}`;
    case "notices":
      return `n/${item.id}`;
    case "outcomes":
      return `o/${item.message}/${item.user}/${item.device ?? ""}/${item.what}`;
    case "cells":
      return `c/${item.kind}/${item.key}`;
  }
}

/**
 * Returns the copy of a message that counts: the one with the least stamp. If only one copy has
 * its content, the held one gets the stamp: only the record of a deletion removes content, and
 * nothing brings it back.
 */
export function uniteMessages(held: MessageRecord, other: MessageRecord): MessageRecord {
  if (compareStamps(other, held) >= 0) {
    return held;
  }
  const isAlike = (held.deleted === undefined) === (other.deleted === undefined);
  return isAlike ? other : restamped(held, other);
}

/**
 * Returns the cell that counts: the one with the greatest stamp, and of equal ones with the
 * greatest value.
 */
export function uniteCells(held: Cell, other: Cell): Cell {
  const isLater =
    other.stamp > held.stamp || (other.stamp === held.stamp && compareText(other.value, held.value) > 0);
  return isLater ? other : held;
}

/** Returns the outcome that counts: the earlier one. */
export function uniteOutcomes(held: Outcome, other: Outcome): Outcome {
  return other.at < held.at ? other : held;
}

function compareStamps(one: MessageRecord, other: MessageRecord): number {
  for (const name of ["sentAt", "epoch", "seq"] as const) {
    if (one[name] !== other[name]) {
      return one[name] < other[name] ? -1 : 1;
    }
  }
  return 0;
}
