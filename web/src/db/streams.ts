/** Which messages of a device are missing in a room, and where they belong. */
import type { Id } from "../core/id.ts";
import type { Message } from "../core/message.ts";
import { observe } from "../core/order.ts";
import type { Gap, StreamRow } from "./rows.ts";
import type { Db } from "./schema.ts";

/** Notes the stamp of a message. Copies have one too, which may fill a gap. */
export function noteStamp(
  known: StreamRow | undefined,
  key: string,
  message: Message,
  now: number,
): StreamRow {
  const { state, arrival } = observe(known?.state, message.epoch, message.seq);
  const isLatest = known === undefined || message.sent_at > known.lastAt;
  const fresh: Gap[] =
    arrival.arrival === "gap"
      ? [
          {
            from: arrival.from,
            to: arrival.to,
            since: known?.lastAt ?? message.sent_at,
            until: message.sent_at,
            at: now,
          },
        ]
      : [];
  const gaps = [...(known?.gaps ?? []), ...fresh].filter(
    (gap) => fresh.includes(gap) || countOf(state.missing, gap) > 0,
  );
  return {
    key,
    room: message.room,
    user: message.from.user,
    state,
    lastAt: isLatest ? message.sent_at : known.lastAt,
    // Gaps of an earlier epoch are not missing any more: nobody knows whether they were sent.
    gaps: arrival.arrival === "gap" && arrival.from === 1 ? fresh : gaps,
  };
}

/**
 * Returns whether a message has not come. A backup has an order of its own, so it may fill a gap,
 * and shows none.
 */
export function isMissing(known: StreamRow | undefined, { epoch, seq }: Message): boolean {
  return known?.state.epoch === epoch && known.state.missing.includes(seq);
}

/** Messages of a user that have not come. */
export interface Missing {
  room: Id;
  user: Id;
  count: number;
  since: number;
  until: number;
  at: number;
}

/** Returns what is missing in a room, or in all rooms. */
export async function missingIn(db: Db, room?: Id): Promise<Missing[]> {
  // "0" is the character after "/".
  const its = room === undefined ? undefined : IDBKeyRange.bound(`${room}/`, `${room}0`, false, true);
  const rows = await db.getAll("streams", its);
  return rows.flatMap(({ room, user, state, gaps }) =>
    gaps
      .map((gap) => ({
        room,
        user,
        count: countOf(state.missing, gap),
        since: gap.since,
        until: gap.until,
        at: gap.at,
      }))
      .filter(({ count }) => count > 0),
  );
}

function countOf(missing: readonly number[], { from, to }: Gap): number {
  return missing.filter((number) => number >= from && number <= to).length;
}
