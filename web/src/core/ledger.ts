/**
 * What became of a message of the user. What a receipt says is true, and a missing receipt says
 * nothing.
 */
import type { Id } from "./id.ts";
import { compareIds } from "./message.ts";

/** What one device did with a message. Of two reports of one kind the earlier counts. */
export interface Outcome {
  user: Id;
  device: Id;
  what: "delivered" | "expired";
  at: number;
  /** Which batch of this device brought the report. It is no part of it. */
  n?: number;
}

/** Plain data, so that it can be stored. */
export interface Ledger {
  /** How many users it went to; `undefined` until the relay has it. */
  recipients?: number;
  /** Members without a device. Nothing is kept for them. */
  unreachable: Id[];
  /** Sorted by user, device and kind. */
  outcomes: Outcome[];
  /** How many devices have it, in rooms that tell only this. An estimate. */
  counted: number;
}

/** What the mark beside a message says. */
export type Mark =
  /** It is here alone. */
  | "waiting"
  /** It is in the queues. */
  | "sent"
  /** It is on a device of each recipient. */
  | "delivered"
  /** Each recipient has read it. */
  | "read"
  /** It reached nobody, and nothing is kept. */
  | "unreachable"
  /** No device of a recipient has it, and one will never get it. */
  | "expired";

export function emptyLedger(): Ledger {
  return { unreachable: [], outcomes: [], counted: 0 };
}

/**
 * Notes the relay's answer. A retry may say less than the first answer, so what is known stays.
 */
export function confirm(ledger: Ledger, recipients: number, unreachable: Id[]): void {
  ledger.recipients = Math.max(ledger.recipients ?? 0, recipients);
  ledger.unreachable = [...new Set([...ledger.unreachable, ...unreachable])].sort(compareIds);
}

/** Notes what a device did. Returns true if it is news. */
export function note(ledger: Ledger, outcome: Outcome): boolean {
  const at = ledger.outcomes.findIndex((known) => compareOutcomes(known, outcome) >= 0);
  const known = ledger.outcomes[at];
  if (known === undefined || compareOutcomes(known, outcome) !== 0) {
    ledger.outcomes.splice(at < 0 ? ledger.outcomes.length : at, 0, outcome);
    return true;
  }
  if (outcome.at < known.at) {
    known.at = outcome.at;
  }
  return false;
}

/** Notes that so many more devices have it. */
export function noteCount(ledger: Ledger, devices: number): void {
  ledger.counted += devices;
}

/** Returns the mark. `readers` are the other users whose cursor is at the message or after it. */
export function markOf(ledger: Ledger, readers: ReadonlySet<Id>): Mark {
  const { recipients, unreachable, outcomes, counted } = ledger;
  if (recipients === undefined) {
    return "waiting";
  }
  if (recipients === 0) {
    return unreachable.length > 0 ? "unreachable" : "sent";
  }
  if (readers.size >= recipients) {
    return "read";
  }
  // Who has read it has it, also if the receipt of the delivery is lost.
  const having = new Set([...readers, ...usersWith(outcomes, "delivered")]);
  if (having.size >= recipients || counted >= recipients) {
    return "delivered";
  }
  const lost = usersWith(outcomes, "expired").filter((user) => !having.has(user));
  return lost.length > 0 ? "expired" : "sent";
}

/** Returns what is known of each user, for the details of a message. */
export function people(ledger: Ledger): { user: Id; delivered: number; expired: number }[] {
  const all = new Map<Id, { user: Id; delivered: number; expired: number }>();
  for (const { user, device, what } of ledger.outcomes) {
    const person = all.get(user) ?? { user, delivered: 0, expired: 0 };
    // A device that has it and was logged out later has it.
    const isLost = what === "expired" && !hasIt(ledger, user, device);
    person.delivered += what === "delivered" ? 1 : 0;
    person.expired += isLost ? 1 : 0;
    all.set(user, person);
  }
  return [...all.values()];
}

function hasIt({ outcomes }: Ledger, user: Id, device: Id): boolean {
  return outcomes.some(
    (other) => other.user === user && other.device === device && other.what === "delivered",
  );
}

function usersWith(outcomes: Outcome[], what: Outcome["what"]): Id[] {
  return outcomes.filter((outcome) => outcome.what === what).map(({ user }) => user);
}

function compareOutcomes(one: Outcome, other: Outcome): number {
  return (
    compareIds(one.user, other.user) ||
    compareIds(one.device, other.device) ||
    compareIds(one.what, other.what)
  );
}
