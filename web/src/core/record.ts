/**
 * A message as a relay delivered it, with the fields that this version does not know, and in the
 * one form in which every client writes it: a line of a backup.
 */
import { type Id, isId } from "./id.ts";
import type { Target } from "./message.ts";
import { oneLine, rawFields, wholeNumber } from "./raw-json.ts";
import { compareText, isWellFormed } from "./text.ts";

/** The field of a message whose content is removed. */
const DELETED = "ferry.deleted";
/** The fields of a frame that are no part of the message. They are not kept. */
const OF_FRAMES = ["type", "delivery", "redelivered"];
const KNOWN = [
  "id",
  "room",
  "from",
  "kind",
  "body",
  "reply_to",
  "mentions",
  "content_type",
  "stream",
  "after",
];
const STAMP = ["epoch", "seq", "sent_at"];
const ROLES = ['"member"', '"moderator"', '"admin"', '"owner"'];

/** A record of a message. Its numbers have 64 bits: a history keeps what a wrong clock made. */
export interface MessageRecord {
  id: Id;
  user: Id;
  device: Id;
  sentAt: bigint;
  epoch: bigint;
  seq: bigint;
  /** Whether the content is removed, and on which message the deleted one acted. */
  deleted?: { target?: Target };
  /** The message on one line. Equal records have equal lines. */
  line: string;
}

/** The error for text that is no record. It repeats nothing of the text. */
export class BadRecord extends Error {
  constructor(what: string) {
    super(what);
    this.name = "BadRecord";
  }
}

/**
 * Reads the message of a frame of the relay. Fields that only a history writes are not taken from
 * a relay.
 */
export function recordOfFrame(frame: string): MessageRecord {
  const message = rawObject(frame).get("message");
  if (message === undefined) {
    throw new BadRecord("the frame has no message");
  }
  return read(message, (name) => !name.startsWith("ferry."));
}

/** Reads a line of a backup. */
export function recordOfLine(line: string): MessageRecord {
  return read(line, () => true);
}

/** Returns a record with the stamp of another copy. */
export function restamped(record: MessageRecord, { sentAt, epoch, seq }: MessageRecord): MessageRecord {
  const fields = rawObject(record.line);
  fields.set("epoch", `${epoch}`).set("seq", `${seq}`).set("sent_at", `${sentAt}`);
  return recordOfLine(`{${[...fields].map(([name, json]) => part(name, json)).join(",")}}`);
}

/**
 * Returns a record without its content. What is left is what orders the message. `target` is the
 * message on which the deleted one acted: it was in the body, and without it a deleted edit would
 * come back as a message.
 */
export function emptiedRecord(record: MessageRecord, target?: Target): MessageRecord {
  const fields = rawObject(record.line);
  const kept = ["id", "room", "from", "kind", "stream", "epoch", "seq", "sent_at"];
  const parts = [...fields].filter(([name]) => kept.includes(name)).map(([name, json]) => part(name, json));
  const on = record.deleted?.target ?? target;
  const mark = on === undefined ? "{}" : `{"target":{"message":"${on.message}","from":"${on.from}"}}`;
  return recordOfLine(`{${parts.join(",")},"body":null,${part(DELETED, mark)}}`);
}

/** Returns the fields of an object. Fails with `BadRecord`. */
export function rawObject(json: string): Map<string, string> {
  try {
    return rawFields(json);
  } catch {
    throw new BadRecord("it is no JSON object");
  }
}

export function idOf(json: string | undefined): Id {
  const id = json === undefined ? undefined : (JSON.parse(json) as unknown);
  if (!isId(id)) {
    throw new BadRecord("an id is missing or wrong");
  }
  return id;
}

export function numberOf(json: string | undefined): bigint {
  const number = wholeNumber(json);
  if (number === undefined) {
    throw new BadRecord("a number is missing or wrong");
  }
  return number;
}

export function textOf(json: string | undefined): string {
  const text = json === undefined ? undefined : (JSON.parse(json) as unknown);
  if (typeof text !== "string" || !isWellFormed(text)) {
    throw new BadRecord("a text is missing or wrong");
  }
  return text;
}

function read(json: string, isKept: (unknown: string) => boolean): MessageRecord {
  const fields = rawObject(json);
  const given = (name: string) => (fields.get(name) === "null" ? undefined : fields.get(name));
  const from = rawObject(fields.get("from") ?? "");
  const [user, device, role] = [idOf(from.get("user")), idOf(from.get("device")), from.get("role") ?? ""];
  const [sentAt, epoch, seq] = [
    numberOf(fields.get("sent_at")),
    numberOf(fields.get("epoch")),
    numberOf(fields.get("seq")),
  ];
  const body = fields.get("body");
  if (!ROLES.includes(role) || body === undefined || seq < 0n) {
    throw new BadRecord("a field of the message is missing or wrong");
  }
  const id = idOf(fields.get("id"));
  const parts = [
    part("id", JSON.stringify(id)),
    part("room", JSON.stringify(idOf(fields.get("room")))),
    part("from", `{"user":"${user}","device":"${device}","role":${role}}`),
    part("kind", JSON.stringify(textOf(fields.get("kind")))),
    part("body", oneLine(body)),
    ...optional("reply_to", given("reply_to"), idOf),
    ...mentions(fields.get("mentions")),
    ...optional("content_type", given("content_type"), textOf),
    ...stream(fields.get("stream")),
    ...optional("after", given("after"), idOf),
    part("epoch", `${epoch}`),
    part("seq", `${seq}`),
    part("sent_at", `${sentAt}`),
  ];
  const isUnknown = (name: string) => ![...OF_FRAMES, ...KNOWN, ...STAMP, DELETED].includes(name);
  const unknown = [...fields.keys()].filter((name) => isUnknown(name) && isKept(name)).sort(compareText);
  parts.push(...unknown.map((name) => part(name, oneLine(fields.get(name) ?? ""))));
  const mark = isKept(DELETED) ? fields.get(DELETED) : undefined;
  const deleted = mark === undefined ? undefined : deletion(mark);
  if (deleted !== undefined) {
    const { target } = deleted;
    const on =
      target === undefined ? "" : part("target", `{"message":"${target.message}","from":"${target.from}"}`);
    parts.push(part(DELETED, `{${on}}`));
  }
  const line = `{${parts.join(",")}}`;
  return { id, user, device, sentAt, epoch, seq, line, ...(deleted === undefined ? {} : { deleted }) };
}

function part(name: string, json: string): string {
  return `${JSON.stringify(name)}:${json}`;
}

function optional(name: string, json: string | undefined, read: (json: string) => string): string[] {
  return json === undefined ? [] : [part(name, JSON.stringify(read(json)))];
}

function mentions(json: string | undefined): string[] {
  const users: unknown = json === undefined ? [] : JSON.parse(json);
  if (!Array.isArray(users) || !users.every(isId)) {
    throw new BadRecord("the mentions are wrong");
  }
  return users.length === 0 ? [] : [part("mentions", JSON.stringify(users))];
}

/** The socket is not named. */
function stream(json: string | undefined): string[] {
  if (json !== undefined && json !== '"socket"' && json !== '"http"') {
    throw new BadRecord("the stream is wrong");
  }
  return json === '"http"' ? [part("stream", json)] : [];
}

function deletion(json: string): { target?: Target } {
  const target = rawObject(json).get("target");
  if (target === undefined || target === "null") {
    return {};
  }
  const fields = rawObject(target);
  return { target: { message: idOf(fields.get("message")), from: idOf(fields.get("from")) } };
}
