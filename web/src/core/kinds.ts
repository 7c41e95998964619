/**
 * The kinds of messages that Ferry knows, and how their bodies are read. All other kinds belong to
 * their senders. The relay checks the same, so a client sees a wrong body only from a broken
 * relay.
 */
import { type Id, isId } from "./id.ts";
import type { Message, Target } from "./message.ts";
import { isWellFormed, utf8Length } from "./text.ts";

/** The longest emoji of a reaction, in bytes. */
export const EMOJI_MAX = 64;
/** The longest `kind`, in bytes. */
export const KIND_MAX = 32;

/** The origin of a forwarded message: a claim of the forwarder, which nobody has checked. */
export interface Origin {
  from: Id;
  sent_at: number;
  room?: Id;
  message?: Id;
}

export type KnownBody =
  | { kind: "text"; text: string }
  | { kind: "edit"; target: Target; body: string }
  | { kind: "delete"; target: Target }
  | { kind: "reaction"; target: Target; emoji: string; remove: boolean }
  | { kind: "forward"; origin: Origin; forwarded: string; body: unknown };

/** A body that does not have the form of its kind. `field` is a path from the message. */
export interface BadBody {
  kind: "malformed";
  field: string;
}

/** Carries the wrong field out of the readers below; it never leaves this file. */
class Wrong extends Error {
  readonly field: string;
  constructor(field: string) {
    super(field);
    this.field = field;
  }
}

/** Reads a body. Returns `undefined` if the kind is not a known one. Ignores unknown fields. */
export function parseBody(kind: string, body: unknown): KnownBody | BadBody | undefined {
  try {
    return read(kind, body);
  } catch (error) {
    if (error instanceof Wrong) {
      return { kind: "malformed", field: error.field };
    }
    throw error;
  }
}

/** Returns true for a `kind` that a device may send. */
export function isValidKind(kind: string): boolean {
  return /^[a-z0-9._-]{1,32}$/.test(kind) && !kind.startsWith("ferry.") && kind !== "sealed";
}

/** Returns true for what may stand in a reaction. The relay does not check that it is an emoji. */
export function isEmoji(emoji: string): boolean {
  const length = utf8Length(emoji);
  return length >= 1 && length <= EMOJI_MAX && isWellFormed(emoji) && !/[\p{Cc}\p{White_Space}]/u.test(emoji);
}

/**
 * Returns the body of the forward of a message, or `undefined` if there is nothing to forward.
 * What is forwarded again keeps its first origin.
 */
export function forwardOf(message: Message): Extract<KnownBody, { kind: "forward" }> | undefined {
  const known = parseBody(message.kind, message.body);
  if (known?.kind === "forward") {
    return known;
  }
  if (known !== undefined && known.kind !== "text") {
    return undefined;
  }
  const origin = { from: message.from.user, sent_at: message.sent_at };
  return { kind: "forward", origin, forwarded: message.kind, body: message.body };
}

/** Returns the body as it goes into a message. */
export function toBody(known: KnownBody): unknown {
  switch (known.kind) {
    case "text":
      return known.text;
    case "edit":
      return { target: known.target, body: known.body };
    case "delete":
      return { target: known.target };
    case "reaction": {
      const { target, emoji, remove } = known;
      return remove ? { target, emoji, remove } : { target, emoji };
    }
    case "forward":
      return { origin: known.origin, kind: known.forwarded, body: known.body };
  }
}

type Fields = Record<string, unknown>;

function read(kind: string, body: unknown): KnownBody | undefined {
  switch (kind) {
    case "text":
      return { kind, text: textAt(body, "body") };
    case "edit": {
      const fields = fieldsAt(body, "body");
      return { kind, target: targetAt(fields), body: textAt(fields["body"], "body.body") };
    }
    case "delete":
      return { kind, target: targetAt(fieldsAt(body, "body")) };
    case "reaction": {
      const fields = fieldsAt(body, "body");
      const target = targetAt(fields);
      const emoji = textAt(fields["emoji"], "body.emoji");
      if (!isEmoji(emoji)) {
        throw new Wrong("body.emoji");
      }
      return { kind, target, emoji, remove: flagAt(fields["remove"], "body.remove") };
    }
    case "forward":
      return readForward(fieldsAt(body, "body"));
    default:
      return undefined;
  }
}

function readForward(fields: Fields): KnownBody {
  const origin = originAt(fields["origin"]);
  const forwarded = textAt(fields["kind"], "body.kind");
  if (!isValidKind(forwarded) || ["forward", "edit", "delete", "reaction"].includes(forwarded)) {
    throw new Wrong("body.kind");
  }
  // `null` is a body too.
  if (!("body" in fields)) {
    throw new Wrong("body.body");
  }
  const body = forwarded === "text" ? textAt(fields["body"], "body.body") : fields["body"];
  return { kind: "forward", origin, forwarded, body };
}

function originAt(value: unknown): Origin {
  const fields = fieldsAt(value, "body.origin");
  const sentAt = fields["sent_at"];
  // -0 is no whole number in Rust.
  if (!Number.isSafeInteger(sentAt) || Object.is(sentAt, -0) || (sentAt as number) < 0) {
    throw new Wrong("body.origin.sent_at");
  }
  const origin: Origin = { from: idAt(fields["from"], "body.origin.from"), sent_at: sentAt as number };
  // An optional field that is `null` counts as left out.
  if (fields["room"] !== undefined && fields["room"] !== null) {
    origin.room = idAt(fields["room"], "body.origin.room");
  }
  if (fields["message"] !== undefined && fields["message"] !== null) {
    origin.message = idAt(fields["message"], "body.origin.message");
  }
  return origin;
}

function targetAt(body: Fields): Target {
  const fields = fieldsAt(body["target"], "body.target");
  const message = idAt(fields["message"], "body.target.message");
  return { message, from: idAt(fields["from"], "body.target.from") };
}

/**
 * Reads an object. A list is none. Rust reads the names of all fields as texts, so half a
 * character fails.
 */
function fieldsAt(value: unknown, field: string): Fields {
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
  if (!isObject || !Object.keys(value).every(isWellFormed)) {
    throw new Wrong(field);
  }
  // A body may have a field `__proto__` or lack one that every object inherits.
  return Object.assign(Object.create(null) as Fields, value);
}

function textAt(value: unknown, field: string): string {
  if (typeof value !== "string" || !isWellFormed(value)) {
    throw new Wrong(field);
  }
  return value;
}

function flagAt(value: unknown, field: string): boolean {
  if (value === undefined || value === null) {
    return false;
  }
  if (typeof value !== "boolean") {
    throw new Wrong(field);
  }
  return value;
}

function idAt(value: unknown, field: string): Id {
  if (!isId(value)) {
    throw new Wrong(field);
  }
  return value;
}
