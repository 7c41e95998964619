/**
 * Messages that are about to be sent, without an id and a room. Nothing here checks whether the
 * user may edit or delete the target: the receiving devices check it, and ignore the message if
 * not.
 */
import type { Id } from "./id.ts";
import { forwardOf, toBody } from "./kinds.ts";
import type { Message, Target } from "./message.ts";
import { isWellFormed } from "./text.ts";

/** The users that a message may mention. */
export const MENTIONS_MAX = 32;

export interface Draft {
  kind: string;
  body: unknown;
  reply_to?: Id;
  mentions?: Id[];
  content_type?: string;
  /** The last message of this device in the room that the relay has confirmed. */
  after?: Id;
}

/** Returns a text. Half a character, which no relay takes, becomes U+FFFD. */
export function textDraft(text: string): Draft {
  return { kind: "text", body: whole(text) };
}

export function replyDraft(to: Id, text: string): Draft {
  return { ...textDraft(text), reply_to: to };
}

/** Returns a new text for an earlier `text` of the same user. */
export function editDraft(target: Target, text: string): Draft {
  return { kind: "edit", body: toBody({ kind: "edit", target, body: whole(text) }) };
}

/** Returns a deletion for everybody. */
export function deleteDraft(target: Target): Draft {
  return { kind: "delete", body: toBody({ kind: "delete", target }) };
}

/** Returns a reaction, or with `remove` the removal of an earlier one of the same user. */
export function reactionDraft(target: Target, emoji: string, remove = false): Draft {
  return { kind: "reaction", body: toBody({ kind: "reaction", target, emoji, remove }) };
}

/** Returns the forward of a message, or `undefined` for an action, which cannot be forwarded. */
export function forwardDraft(message: Message): Draft | undefined {
  const known = forwardOf(message);
  if (known === undefined) {
    return undefined;
  }
  const draft = { kind: "forward", body: toBody(known) };
  return message.content_type === undefined ? draft : { ...draft, content_type: message.content_type };
}

/** Adds members whom the message mentions. Each counts once; more than 32 are left out. */
export function withMentions(draft: Draft, users: readonly Id[]): Draft {
  const mentions = [...new Set([...(draft.mentions ?? []), ...users])].slice(0, MENTIONS_MAX);
  return mentions.length === 0 ? draft : { ...draft, mentions };
}

function whole(text: string): string {
  return isWellFormed(text) ? text : text.replace(/\p{Surrogate}/gu, "\ufffd");
}
