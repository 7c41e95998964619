/** A record of any kind, as it leaves a history: a line of a backup. */
import { CELL_KINDS, type Digest } from "./digest.ts";
import { type Id, NO_DEVICE } from "./id.ts";
import { oneLine } from "./raw-json.ts";
import { BadRecord, idOf, type MessageRecord, numberOf, rawObject, recordOfLine, textOf } from "./record.ts";

export type Section = "messages" | "notices" | "outcomes" | "cells";

export type Item =
  | { section: "messages"; record: MessageRecord }
  | { section: "notices"; id: Id; at: bigint; line: string }
  | { section: "outcomes"; message: Id; user: Id; device?: Id; what: string; at: bigint; line: string }
  | { section: "cells"; kind: string; key: Id; stamp: bigint; value: string; line: string };

/**
 * Returns what is in a file of this name, or `undefined` for a file that this version does not
 * know.
 */
export function sectionOf(name: string): Section | undefined {
  if (["rooms.jsonl", "people.jsonl", "cells.jsonl"].includes(name)) {
    return "cells";
  }
  const shapes: [Section, RegExp][] = [
    ["outcomes", /^outcomes\/\d{4,9}\.jsonl$/],
    ["notices", /^notices\/\d{4}-\d{2,7}\.jsonl$/],
    ["messages", /^messages\/\d{4}-\d{2}\.\d{4,9}\.jsonl$/],
  ];
  return shapes.find(([, shape]) => shape.test(name))?.[0];
}

/** Reads a line. Fails with `BadRecord`, which repeats nothing of it. */
export function itemOf(section: Section, line: string): Item {
  if (section === "messages") {
    return { section, record: recordOfLine(line) };
  }
  const fields = rawObject(line);
  switch (section) {
    case "notices":
      textOf(fields.get("kind"));
      return { section, id: idOf(fields.get("id")), at: numberOf(fields.get("at")), line: oneLine(line) };
    case "outcomes":
      return outcomeOf(fields);
    case "cells":
      return cellOf(fields);
  }
}

/** Returns the line in the form that every client writes. */
export function lineOf(item: Item): string {
  return item.section === "messages" ? item.record.line : item.line;
}

/** Adds an item to a digest, if it has an id. */
export function addTo(digest: Digest, item: Item): void {
  switch (item.section) {
    case "messages":
      digest.message(item.record);
      return;
    case "notices":
      digest.notice(item.id, item.at);
      return;
    case "outcomes":
      if (item.what === "expired") {
        digest.expired(item.message, item.user, item.device ?? NO_DEVICE, item.at);
      }
      return;
    case "cells": {
      const kind = CELL_KINDS[item.kind];
      if (kind !== undefined) {
        digest.cell(kind, item.key, item.stamp, item.value);
      }
    }
  }
}

function outcomeOf(fields: Map<string, string>): Item {
  const [message, user] = [idOf(fields.get("message")), idOf(fields.get("user"))];
  const named = fields.get("device");
  const device = named === undefined || named === "null" ? undefined : idOf(named);
  const [what, at] = [textOf(fields.get("what")), numberOf(fields.get("at"))];
  const middle = device === undefined ? "" : `"device":"${device}",`;
  const line = `{"message":"${message}","user":"${user}",${middle}"what":${JSON.stringify(what)},"at":${at}}`;
  const base = { section: "outcomes" as const, message, user, what, at, line };
  return device === undefined ? base : { ...base, device };
}

function cellOf(fields: Map<string, string>): Item {
  const [kind, key] = [textOf(fields.get("kind")), idOf(fields.get("key"))];
  const [stamp, value] = [numberOf(fields.get("stamp")), fields.get("value")];
  if (value === undefined || !isValue(kind, value)) {
    throw new BadRecord("the value of a cell does not have the form of its kind");
  }
  const line = `{"kind":${JSON.stringify(kind)},"key":"${key}","stamp":${stamp},"value":${value}}`;
  return { section: "cells", kind, key, stamp, value, line };
}

/** Returns whether a value has the form of its kind. One of a later kind may have any. */
function isValue(kind: string, value: string): boolean {
  if (CELL_KINDS[kind] === undefined) {
    return true;
  }
  const fields = rawObject(value);
  const isAbsent = (name: string) => !fields.has(name) || fields.get(name) === "null";
  switch (kind) {
    case "cursor":
      idOf(fields.get("up_to"));
      return true;
    case "room":
      isAbsent("name") || textOf(fields.get("name"));
      isAbsent("peer") || idOf(fields.get("peer"));
      return ["direct", "group", "channel"].includes(textOf(fields.get("kind")));
    default:
      isAbsent("display_name") || textOf(fields.get("display_name"));
      textOf(fields.get("username"));
      return true;
  }
}
