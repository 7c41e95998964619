/** A message, as every device of every recipient gets it. */
import type { Id } from "./id.ts";

export type Role = "member" | "moderator" | "admin" | "owner";
export type RoomKind = "direct" | "group" | "channel";
/** The way in which a device sent a message. Each is a stream of its own, with its own order. */
export type Stream = "socket" | "http";

/** The roles in their order: a later one may do everything that an earlier one may. */
export const ROLES: readonly Role[] = ["member", "moderator", "admin", "owner"];

/** The sender of a message, stamped by the relay. */
export interface Sender {
  user: Id;
  device: Id;
  /** The user's role in the room when they sent the message. */
  role: Role;
}

export interface Message {
  /** The id that the sender chose. It is unique together with `from.device`. */
  id: Id;
  room: Id;
  from: Sender;
  /** Says how to read the body. */
  kind: string;
  body: unknown;
  reply_to?: Id;
  mentions?: Id[];
  content_type?: string;
  /** Left out for the socket. */
  stream?: Stream;
  /**
   * The last message of the device in the room that it knew to be confirmed. A claim of the
   * sender.
   */
  after?: Id;
  /** When the device's connection opened, in milliseconds since the Unix epoch. */
  epoch: number;
  /** 1, 2, 3, … within one stream, epoch and room. */
  seq: number;
  /** When the relay accepted the message, in milliseconds since the Unix epoch. */
  sent_at: number;
}

/** A message, named by its id and its author: senders choose the ids. */
export interface Target {
  message: Id;
  from: Id;
}

/** What orders the messages of a room. */
export interface Place {
  id: Id;
  from: { user: Id; device: Id };
  epoch: number;
  seq: number;
  sent_at: number;
}

export function placeOf({ id, from, epoch, seq, sent_at }: Message): Place {
  return { id, from: { user: from.user, device: from.device }, epoch, seq, sent_at };
}

export function targetOf({ id, from }: { id: Id; from: { user: Id } }): Target {
  return { message: id, from: from.user };
}

/** Returns the key of a target in a `Map`. */
export function targetKey({ message, from }: Target): string {
  return `${from}/${message}`;
}

export function streamOf(message: Message): Stream {
  return message.stream ?? "socket";
}

/** Returns true if another user mentions this user in the message. */
export function callsUpon(message: Message, user: Id): boolean {
  return message.from.user !== user && (message.mentions ?? []).includes(user);
}

/**
 * Compares the positions of two messages of a room. Messages are ordered by the relay's clock;
 * those of the same moment and device are ordered as they were sent.
 */
export function comparePlaces(one: Place, other: Place): number {
  return (
    one.sent_at - other.sent_at ||
    compareIds(one.from.device, other.from.device) ||
    one.epoch - other.epoch ||
    one.seq - other.seq ||
    compareIds(one.id, other.id) ||
    compareIds(one.from.user, other.from.user)
  );
}

export function compareIds(one: Id, other: Id): number {
  return one < other ? -1 : one > other ? 1 : 0;
}
