/**
 * What waits in the outbox, laid over what is stored: the user sees at once what they have written
 * and done, and nothing of it is in the store before the relay has stamped it.
 */
import { judge } from "../core/conversation.ts";
import type { Id } from "../core/id.ts";
import { emptyLedger } from "../core/ledger.ts";
import { type Message, type Role, type RoomKind, type Target, targetKey, targetOf } from "../core/message.ts";
import { emptySlot, putMessage } from "../core/slot.ts";
import type { MessageRow, OutboxRow } from "../db/rows.ts";
import { readMessage } from "../wire/frames.ts";

/** An own message that is not stamped yet. */
export interface Pending {
  row: MessageRow;
  outbox: OutboxRow;
}

export interface Overlay {
  /** New messages, in the order in which they were written. */
  messages: Pending[];
  /** What waiting actions do to a message. */
  actions: Map<string, ((slot: MessageRow["slot"]) => void)[]>;
  /** The last action on a message that the relay has rejected. */
  failures: Map<string, { kind: string; outbox: OutboxRow }>;
}

/** Reads what waits for a room. What has failed for good does nothing, but a message is shown. */
export function overlayOf(
  rows: readonly OutboxRow[],
  room: Id,
  kind: RoomKind,
  me: { user: Id; device: Id; role: Role },
): Overlay {
  const overlay: Overlay = { messages: [], actions: new Map(), failures: new Map() };
  for (const outbox of rows.filter((row) => row.room === room)) {
    const message = messageOf(outbox, me);
    if (message === undefined) {
      continue;
    }
    const deed = judge(message, kind);
    if (deed.deed === "add") {
      const slot = emptySlot();
      putMessage(slot, message);
      const { id, sent_at, epoch, seq } = message;
      const place = { sent_at, epoch, seq, device: me.device };
      overlay.messages.push({
        outbox,
        row: { room, id, user: me.user, slot, ledger: emptyLedger(), ...place },
      });
    } else if (deed.deed === "act" && outbox.failed !== undefined) {
      overlay.failures.set(targetKey(deed.target), { kind: message.kind, outbox });
    } else if (deed.deed === "act") {
      const key = targetKey(deed.target);
      const { apply } = deed;
      overlay.actions.set(key, [...(overlay.actions.get(key) ?? []), (slot) => void apply(slot)]);
    }
  }
  return overlay;
}

/** Returns a row with what waits. The row itself stays as it is stored. */
export function laidOver(row: MessageRow, { actions }: Overlay): MessageRow {
  const its = actions.get(targetKey({ message: row.id, from: row.user }));
  if (its === undefined) {
    return row;
  }
  const slot = structuredClone(row.slot);
  for (const apply of its) {
    apply(slot);
  }
  return { ...row, slot };
}

/** A stamp that is later than every one of the relay: what the user did last counts. */
function messageOf(
  outbox: OutboxRow,
  { user, device, role }: { user: Id; device: Id; role: Role },
): Message | undefined {
  const frame = JSON.parse(outbox.frame) as Record<string, unknown>;
  const stamp = { epoch: Number.MAX_SAFE_INTEGER, seq: outbox.n ?? 0, sent_at: Number.MAX_SAFE_INTEGER };
  return readMessage({ ...frame, from: { user, device, role }, ...stamp });
}

export function targetOfRow(row: MessageRow): Target {
  return row.slot.message === undefined ? { message: row.id, from: row.user } : targetOf(row.slot.message);
}
