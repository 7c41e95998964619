/** Stored messages as the rows of a screen: days, gaps and the divider stand between them. */
import type { Id } from "../core/id.ts";
import { parseBody } from "../core/kinds.ts";
import { markOf } from "../core/ledger.ts";
import { callsUpon, targetKey } from "../core/message.ts";
import { editedAt, reactionsOf, textOf } from "../core/slot.ts";
import { wordsOf } from "../db/messages.ts";
import type { PersonRow, RoomRow, MessageRow as Stored } from "../db/rows.ts";
import type { Missing } from "../db/streams.ts";
import { personName } from "./names.ts";
import { type Overlay, type Pending, targetOfRow } from "./overlay.ts";
import { problemOfCode } from "./problems.ts";
import type { MessageRow, Row } from "./room-model.ts";
import { readersOf } from "./rooms.ts";

/** Messages of one author within this time stand together. */
const TOGETHER = 5 * 60 * 1_000;
/** The names that a reaction shows. */
const NAMES_MAX = 20;

export interface Scene {
  me: Id;
  room: RoomRow | undefined;
  people: ReadonlyMap<Id, PersonRow>;
  /** Where the divider is: before the first message of others after this time. */
  divider: { after: number; count: number } | undefined;
  missing: readonly Missing[];
  isAtBeginning: boolean;
  /** What the relay has rejected, by the message that it acts on. */
  failures: Overlay["failures"];
  /** Returns the message to which another one is a reply, if it is here. */
  quoted(id: Id): Stored | undefined;
}

/** Returns the rows of a screen. `pending` stands at the end. */
export function toRows(stored: readonly Stored[], pending: readonly Pending[], scene: Scene): Row[] {
  const rows: Row[] = scene.isAtBeginning ? [{ is: "beginning", key: "beginning" }] : [];
  let [day, isDivided] = ["", scene.divider === undefined];
  let before: MessageRow | undefined;
  const put = (row: MessageRow) => {
    const its = new Date(row.at).toDateString();
    if (its !== day) {
      day = its;
      rows.push({ is: "day", key: `day ${its}`, at: row.at });
      before = undefined;
    }
    const { divider } = scene;
    if (!isDivided && divider !== undefined && !row.isMine && row.at > divider.after) {
      isDivided = true;
      rows.push({ is: "unread", key: "unread", count: divider.count });
      before = undefined;
    }
    const isFirstOfAuthor = before?.author.id !== row.author.id || row.at - before.at > TOGETHER;
    rows.push({ ...row, isFirstOfAuthor });
    before = row;
  };
  let gaps = [...scene.missing].sort((one, other) => one.until - other.until);
  for (const one of stored) {
    const at = one.sent_at ?? 0;
    for (const gap of gaps.filter(({ until }) => until <= at)) {
      // A gap before the first row of the page stands with the older ones.
      if (rows.length > 0) {
        rows.push(toGap(gap, scene));
        before = undefined;
      }
    }
    gaps = gaps.filter(({ until }) => until > at);
    put(toMessage(one, undefined, scene));
  }
  for (const one of pending) {
    put(toMessage(one.row, one, scene));
  }
  return rows;
}

function toGap({ user, count, since, until }: Missing, { people }: Scene): Row {
  return { is: "gap", key: `gap ${user} ${until}`, who: personName(people, user), count, since, until };
}

export function toMessage(row: Stored, pending: Pending | undefined, scene: Scene): MessageRow {
  const { me, room, people } = scene;
  const { slot } = row;
  const target = targetOfRow(row);
  const isMine = row.user === me;
  const at = pending?.outbox.at ?? row.sent_at ?? 0;
  const reply = replyOf(row, scene);
  const isText = slot.message?.kind === "text" && slot.deleted === undefined;
  const problem = problemOfRow(pending);
  const failure = failureOf(scene.failures.get(targetKey(target)));
  const mark =
    row.ledger === undefined ? undefined : markOf(row.ledger, readersOf(room, me, row.sent_at ?? 0));
  const moderates = room?.kind !== "direct" && ["moderator", "admin", "owner"].includes(room?.role ?? "");
  return {
    is: "message",
    key: targetKey(target),
    target,
    author: { id: row.user, name: personName(people, row.user) },
    isMine,
    at,
    isFirstOfAuthor: true,
    content: contentOf(row, people),
    isEdited: editedAt(slot) !== undefined,
    mentionsMe: slot.message !== undefined && slot.deleted === undefined && callsUpon(slot.message, me),
    reactions: reactionsOf(slot).map(({ emoji, users }) => ({
      emoji,
      count: users.length,
      isMine: users.includes(me),
      names: users.slice(0, NAMES_MAX).map((user) => personName(people, user)),
    })),
    unreachable: (row.ledger?.unreachable ?? []).map((user) => personName(people, user)),
    may: {
      edit: isMine && isText && pending === undefined,
      remove: (isMine || moderates) && slot.deleted === undefined && pending === undefined,
    },
    ...(reply === undefined ? {} : { reply }),
    ...(isMine && mark !== undefined ? { mark } : {}),
    ...(problem === undefined ? {} : { problem }),
    ...(failure === undefined ? {} : { failure }),
  };
}

function failureOf(
  failed: { kind: string; outbox: Pending["outbox"] } | undefined,
): MessageRow["failure"] | undefined {
  const { kind, outbox } = failed ?? {};
  if (outbox?.failed === undefined) {
    return undefined;
  }
  const { code, detail, field } = outbox.failed;
  const what = kind === "edit" || kind === "delete" ? kind : "reaction";
  return { id: outbox.id, what, problem: problemOfCode(code, detail, field) };
}

function contentOf({ slot }: Stored, people: Scene["people"]): MessageRow["content"] {
  if (slot.deleted !== undefined) {
    return { is: "deleted", by: personName(people, slot.deleted.user) };
  }
  const { message } = slot;
  const text = textOf(slot);
  if (text !== undefined) {
    return { is: "text", text };
  }
  if (message?.kind === "sealed") {
    return { is: "sealed" };
  }
  const known = message === undefined ? undefined : parseBody(message.kind, message.body);
  const words = wordsOf(slot);
  if (known?.kind === "forward" && words !== undefined) {
    const { from, sent_at: at } = known.origin;
    return { is: "forward", text: words, from: personName(people, from), at };
  }
  return { is: "unknown", kind: message?.kind ?? "" };
}

function replyOf({ slot }: Stored, scene: Scene): MessageRow["reply"] {
  const id = slot.deleted === undefined ? slot.message?.reply_to : undefined;
  if (id === undefined) {
    return undefined;
  }
  const quoted = scene.quoted(id);
  if (quoted?.slot.message === undefined) {
    return { target: { message: id, from: quoted?.user ?? "" }, isHere: false };
  }
  const text = wordsOf(quoted.slot);
  const author = personName(scene.people, quoted.user);
  const base = { target: { message: id, from: quoted.user }, author, isHere: true };
  return text === undefined ? base : { ...base, text };
}

function problemOfRow(pending: Pending | undefined): MessageRow["problem"] {
  const { failed, refused } = pending?.outbox ?? {};
  if (failed !== undefined) {
    return problemOfCode(failed.code, failed.detail, failed.field);
  }
  return refused === undefined ? undefined : problemOfCode(refused.code, "", undefined, refused.until);
}
