/**
 * Frames from this device. A retry of a `send` must be the same text, so the text is what is kept.
 */
import type { Draft } from "../core/draft.ts";
import type { Id } from "../core/id.ts";
import type { MarkFrame } from "../core/marks.ts";
import { utf8Length } from "../core/text.ts";

/** The subprotocol of the socket. */
export const SUBPROTOCOL = "ferry.v1";
/** The users in a `watch`. */
export const WATCH_MAX = 256;

export function sendFrame(draft: Draft, id: Id, room: Id): string {
  const { kind, body, reply_to, mentions = [], content_type, after } = draft;
  return JSON.stringify({
    type: "send",
    id,
    room,
    kind,
    body,
    reply_to,
    mentions: mentions.length === 0 ? undefined : mentions,
    content_type,
    after,
  });
}

/** Returns by how many bytes a frame is over the relay's limit; 0 if it fits. */
export function excess(frame: string, limit: number): number {
  return Math.max(0, utf8Length(frame) - limit);
}

export function ackFrame(deliveries: readonly string[]): string {
  return JSON.stringify({ type: "ack", deliveries });
}

export function markFrame(frame: MarkFrame): string {
  const { type, ...rest } = frame;
  const isBare = "authors" in rest && rest.authors.length === 0;
  return JSON.stringify({ type, ...rest, ...(isBare ? { authors: undefined } : {}) });
}

export function typingFrame(room: Id, active: boolean): string {
  return JSON.stringify({ type: "typing", room, active });
}

export function presenceFrame(status: "online" | "away"): string {
  return JSON.stringify({ type: "presence", status });
}

/** Returns a `watch` of the first users. The list replaces the one before. */
export function watchFrame(users: readonly Id[]): string {
  return JSON.stringify({ type: "watch", users: [...new Set(users)].slice(0, WATCH_MAX) });
}

export function pingFrame(): string {
  return JSON.stringify({ type: "ping" });
}
