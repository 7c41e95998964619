/**
 * Frames of the socket. What comes is never trusted: a frame is read into a fresh object, or it is
 * `unknown`, or it is `broken`.
 */
import type { Id } from "../core/id.ts";
import type { Message } from "../core/message.ts";
import { type Notice, type Receipt, readNotice, readReceipt } from "./reports.ts";
import {
  anything,
  attempt,
  count,
  flag,
  id,
  list,
  object,
  oneOf,
  optional,
  type Read,
  type Reader,
  record,
  role,
  text,
  whole,
} from "./shape.ts";

const stream = oneOf("socket", "http");

const limits = object({ frame: count, send_burst: count, send_rate: count, devices: count });
const welcome = object({
  protocol: count,
  user: id,
  device: id,
  server_time: whole,
  token_expires_at: whole,
  window: count,
  limits,
  queue: optional(object({ whole_since: whole, dropped: count })),
  features: optional(list(text)),
});
const sent = object({
  id,
  sent_at: whole,
  recipients: count,
  unreachable: list(id),
  stream: optional(stream),
  epoch: whole,
  seq: count,
  role: optional(role),
});
const error = object({
  code: text,
  message: text,
  temporary: flag,
  retry_after_ms: optional(count),
  id: optional(id),
  field: optional(text),
  outstanding: optional(list(id)),
});
const typing = object({ room: id, user: id, active: flag, expires_in_ms: count });
const presence = object({ user: id, status: oneOf("offline", "away", "online"), last_seen: optional(whole) });
const message = object({
  id,
  room: id,
  from: object({ user: id, device: id, role }),
  kind: text,
  body: anything,
  reply_to: optional(id),
  mentions: optional(list(id)),
  content_type: optional(text),
  stream: optional(stream),
  after: optional(id),
  epoch: whole,
  seq: count,
  sent_at: whole,
}) satisfies Reader<Message>;
const delivery = object({ delivery: text, redelivered: flag });

export type Welcome = Read<typeof welcome>;
export type Sent = Read<typeof sent>;
export type ErrorFrame = Read<typeof error>;
export type Typing = Read<typeof typing>;
export type Presence = Read<typeof presence>;

interface Delivered {
  /** What to ack. It is valid in its connection only. */
  delivery: string;
  redelivered: boolean;
}

export type Frame =
  | ({ type: "message"; message: Message } & Delivered)
  | ({ type: "notice"; notice: Notice } & Delivered)
  | ({ type: "receipt"; receipt: Receipt } & Delivered)
  | ({ type: "welcome" } & Welcome)
  | ({ type: "sent" } & Sent)
  | ({ type: "error" } & ErrorFrame)
  | ({ type: "typing" } & Typing)
  | ({ type: "presence" } & Presence)
  | { type: "renewed"; token_expires_at: number }
  | { type: "drained" }
  | { type: "pong" }
  | { type: "link_offer" | "link_accept"; link: Id; from: Id }
  | { type: "link_closed"; link: Id; reason: string }
  /**
   * A frame that this version cannot read. With a `delivery` it is kept and acked: it cannot be
   * read when it comes again, and without an ack it would fill the window.
   */
  | { type: "unknown"; delivery?: string }
  /** No frame of the relay. */
  | { type: "broken" };

const link = object({ link: id, from: id });
const READERS: Record<string, (frame: Record<string, unknown>) => object> = {
  welcome,
  sent,
  error,
  typing,
  presence,
  renewed: object({ token_expires_at: whole }),
  drained: object({}),
  pong: object({}),
  link_offer: link,
  link_accept: link,
  link_closed: object({ link: id, reason: text }),
};
const DELIVERIES: Record<string, (frame: Record<string, unknown>) => object> = {
  message: (frame) => ({ message: message(frame["message"]) }),
  notice: (frame) => ({ notice: readNotice(frame["notice"]) }),
  receipt: (frame) => ({ receipt: readReceipt(frame["receipt"]) }),
};

/** The types of frames that this version reads. */
export const FRAME_TYPES = [...Object.keys(READERS), ...Object.keys(DELIVERIES)];

/** Reads a text frame. Never fails. */
export function readFrame(json: string): Frame {
  let frame: Record<string, unknown>;
  try {
    frame = record(JSON.parse(json));
  } catch {
    return { type: "broken" };
  }
  const type = frame["type"];
  if (typeof type !== "string") {
    return { type: "broken" };
  }
  if (Object.hasOwn(DELIVERIES, type)) {
    const read = attempt(() => asFrame({ type, ...delivery(frame), ...DELIVERIES[type]?.(frame) }));
    return read ?? owed(frame) ?? { type: "broken" };
  }
  if (Object.hasOwn(READERS, type)) {
    return attempt(() => asFrame({ type, ...READERS[type]?.(frame) })) ?? { type: "broken" };
  }
  return owed(frame) ?? { type: "unknown" };
}

/** Reads a message, for example of an import. Returns `undefined` if it is none. */
export function readMessage(value: unknown): Message | undefined {
  return attempt(() => message(value));
}

/** The tables above have a reader for each type, so that its fields belong to it. */
function asFrame(frame: object): Frame {
  return frame as Frame;
}

function owed(frame: Record<string, unknown>): Frame | undefined {
  const delivery = frame["delivery"];
  return typeof delivery === "string" ? { type: "unknown", delivery } : undefined;
}
