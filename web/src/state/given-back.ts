/** What the user wrote, from a message that the relay has rejected. */
import type { Id } from "../core/id.ts";
import { parseBody } from "../core/kinds.ts";
import type { OutboxRow } from "../db/rows.ts";
import type { Db } from "../db/schema.ts";
import type { DraftState } from "./room-model.ts";

/** Returns it as a draft, or `undefined` if there is nothing to write on. */
export async function givenBack(db: Db, { room, frame }: OutboxRow): Promise<DraftState | undefined> {
  const {
    kind,
    body,
    reply_to,
    mentions = [],
  } = JSON.parse(frame) as {
    kind: string;
    body: unknown;
    reply_to?: Id;
    mentions?: Id[];
  };
  const known = parseBody(kind, body);
  if (known?.kind === "edit" && typeof known.body === "string") {
    return { text: known.body, mentions: [], editing: known.target };
  }
  if (kind !== "text" || typeof body !== "string") {
    return undefined;
  }
  if (reply_to === undefined) {
    return { text: body, mentions };
  }
  // The frame names the message alone, and not its author.
  const rows = await db.getAll("messages", IDBKeyRange.bound([room, reply_to], [room, reply_to, []]));
  const author = rows.find(({ slot }) => slot.message !== undefined)?.user ?? "";
  return { text: body, mentions, replyTo: { message: reply_to, from: author } };
}
