/** What the user writes in a room: the draft, and what becomes of it. */
import { computed, type Signal, signal } from "@preact/signals";
import {
  type Draft,
  deleteDraft,
  editDraft,
  forwardDraft,
  reactionDraft,
  replyDraft,
  textDraft,
  withMentions,
} from "../core/draft.ts";
import { givenBackOver } from "../core/drafts.ts";
import type { Id } from "../core/id.ts";
import { NO_DEVICE } from "../core/id.ts";
import type { Target } from "../core/message.ts";
import { quietly } from "../core/quietly.ts";
import { utf8Length } from "../core/text.ts";
import { RANDOM_BYTES, type Uuid7 } from "../core/uuid7.ts";
import { draftOf, putDraft } from "../db/drafts.ts";
import { getRow } from "../db/messages.ts";
import { changeOutbox, discard, enqueue, outbox } from "../db/outbox.ts";
import type { DraftRow } from "../db/rows.ts";
import { sendFrame } from "../wire/outgoing.ts";
import type { Answer, Problem } from "./answer.ts";
import { limitsOf } from "./connection.ts";
import type { Env, Home } from "./env.ts";
import { attempt, problemOfError } from "./failure.ts";
import { givenBack } from "./given-back.ts";
import type { Mirror } from "./mirror.ts";
import { done, problem } from "./problems.ts";
import type { DraftState } from "./room-model.ts";

/** How long a draft is not stored while the user goes on writing. */
const STORED_AFTER = 300;
/** How often the others are told that the user writes, and when they have stopped. */
const TOLD_EACH = 3_000;
const STOPPED_AFTER = 5_000;

/** More than stands around the text in any frame. */
const AROUND = 4_096;

export const EMPTY: DraftState = { text: "", mentions: [] };

export class Composer {
  readonly draft: Signal<DraftState> = signal(EMPTY);
  /** Why the draft is not stored. */
  readonly trouble: Signal<Problem | undefined> = signal(undefined);
  /** By how many bytes the draft is too long for a frame; 0 or less if it fits. */
  readonly excess = computed(() => this.#excessOf(this.draft.value));
  readonly #env: Env;
  readonly #mirror: Mirror;
  readonly #home: Home;
  readonly #room: Id;
  readonly #ids: Uuid7;
  #isDirty = false;
  /** How many messages are being stored. */
  #sending = 0;
  #isClosed = false;
  #timer: unknown;
  /** A transaction that has begun ends before the store is closed. */
  readonly #keep = () => quietly(this.flush());
  #typingTimer: unknown;
  #toldAt = Number.NEGATIVE_INFINITY;

  constructor(env: Env, mirror: Mirror, home: Home, room: Id, ids: Uuid7) {
    this.#env = env;
    this.#mirror = mirror;
    this.#home = home;
    this.#room = room;
    this.#ids = ids;
    home.beforeClose.add(this.#keep);
  }

  /** Shows the draft that is stored, unless the user is writing here. */
  async load(): Promise<void> {
    const row = await draftOf(this.#home.db, this.#room);
    if (this.#isDirty || this.#sending > 0) {
      return;
    }
    const { room: _room, at: _at, ...draft }: DraftState & { room?: Id; at?: number } = row ?? EMPTY;
    if (JSON.stringify(draft) !== JSON.stringify(this.draft.peek())) {
      this.draft.value = draft;
    }
  }

  set(draft: DraftState): void {
    this.draft.value = draft;
    this.#storeLater();
  }

  /** Stores the draft now. If that fails, it is tried again with the next change. */
  async flush(): Promise<void> {
    this.#clearTimer();
    // What is being sent is no draft any more. What is typed beside it is stored afterwards.
    if (!this.#isDirty || this.#sending > 0) {
      return;
    }
    this.#isDirty = false;
    try {
      await putDraft(this.#home.db, this.#rowOf(this.draft.peek()));
    } catch (error) {
      this.#isDirty = true;
      this.trouble.value = problemOfError(error);
      return;
    }
    this.trouble.value = undefined;
    await this.#mirror.changed("drafts");
  }

  /**
   * Sends the draft. The field is free at once for the next message. The stored draft goes in the
   * transaction that stores the message: if the tab dies before, the text is still there, and if
   * the disk is full, it comes back into the field.
   */
  async send(): Answer {
    const sent = this.draft.peek();
    if (sent.text.trim() === "") {
      return done;
    }
    if (this.#excessOf(sent) > 0) {
      return { ok: false, problem: problem("too_large") };
    }
    this.#clearTimer();
    this.#isDirty = false;
    this.#sending += 1;
    this.draft.value = sent.before ?? EMPTY;
    const answer = await this.#put(messageOf(sent), { next: sent.before });
    this.#sending -= 1;
    if (answer.ok) {
      this.#stopped();
      this.trouble.value = undefined;
    } else {
      this.#giveBack(sent);
    }
    if (this.#isDirty) {
      this.#storeLater();
    }
    return answer;
  }

  react(target: Target, emoji: string, remove: boolean): Answer {
    return this.#put(reactionDraft(target, emoji, remove));
  }

  remove(target: Target): Answer {
    return this.#put(deleteDraft(target));
  }

  async forward(target: Target, to: Id): Answer {
    const row = await attempt(() => getRow(this.#home.db, this.#room, target));
    if (!row.ok) {
      return row;
    }
    const { slot } = row.value ?? {};
    const draft =
      slot?.message === undefined || slot.deleted !== undefined ? undefined : forwardDraft(slot.message);
    return draft === undefined
      ? { ok: false, problem: problem("not_found") }
      : await this.#put(draft, undefined, to);
  }

  /** Tries a message again that the relay has rejected: the same one, not a new one. */
  retry(message: Id): Answer {
    return attempt(async () => {
      await changeOutbox(this.#home.db, message, (row) => {
        delete row.failed;
        delete row.refused;
      });
      await this.#mirror.changed("outbox");
    });
  }

  /** Drops a message that the relay has rejected. */
  discard(message: Id): Answer {
    return attempt(async () => {
      await discard(this.#home.db, message);
      await this.#mirror.changed("outbox");
    });
  }

  /** Drops it, and puts what the user wrote into the field. What is typed there comes after it. */
  takeBack(message: Id): Answer {
    return attempt(async () => {
      const { db } = this.#home;
      const row = (await outbox(db)).find(({ id }) => id === message);
      const written = row === undefined ? undefined : await givenBack(db, row);
      if (written === undefined) {
        await discard(db, message);
        await this.#mirror.changed("outbox");
        return;
      }
      const typed = this.draft.peek();
      const draft = givenBackOver(typed, written);
      this.#sending += 1;
      const isDone = await discard(db, message, this.#rowOf(draft)).finally(() => {
        this.#sending -= 1;
      });
      if (isDone) {
        const isSame = this.draft.peek() === typed;
        this.draft.value = isSame ? draft : givenBackOver(this.draft.peek(), written);
        this.#isDirty = !isSame;
      }
      if (this.#isDirty) {
        this.#storeLater();
      }
      await this.#mirror.changed("outbox", "drafts");
    });
  }

  /** The user has pressed a key. */
  typing(): void {
    const now = this.#env.steady();
    if (now - this.#toldAt >= TOLD_EACH) {
      this.#toldAt = now;
      this.#home.bus.post({ is: "writing", room: this.#room, active: true });
    }
    this.#env.clear(this.#typingTimer);
    this.#typingTimer = this.#env.set(() => this.#stopped(), STOPPED_AFTER);
  }

  close(): void {
    this.#home.beforeClose.delete(this.#keep);
    this.#isClosed = true;
    this.#stopped();
    this.#keep();
  }

  /** Somebody who types without a pause has a draft in the store all the same. */
  #storeLater(): void {
    this.#isDirty = true;
    if (this.#isClosed) {
      quietly(this.flush());
      return;
    }
    this.#timer ??= this.#env.set(() => quietly(this.flush()), STORED_AFTER);
  }

  #clearTimer(): void {
    this.#env.clear(this.#timer);
    this.#timer = undefined;
  }

  #rowOf(draft: DraftState): DraftRow {
    return { ...draft, room: this.#room, at: this.#env.now() };
  }

  /** What the user has typed meanwhile comes after it. */
  #giveBack(sent: DraftState): void {
    const { text } = this.draft.peek();
    const isMore = text !== "" && text !== sent.before?.text;
    this.draft.value = isMore ? { ...sent, text: `${sent.text}\n${text}` } : sent;
    this.#isDirty = true;
  }

  #excessOf(draft: DraftState): number {
    const { frame: limit } = limitsOf(this.#mirror);
    // A character has at most six bytes in JSON, so a short text needs no counting.
    const most = draft.text.length * 6 + AROUND;
    if (most <= limit) {
      return most - limit;
    }
    const after = NO_DEVICE;
    return utf8Length(sendFrame({ ...messageOf(draft), after }, NO_DEVICE, this.#room)) - limit;
  }

  #stopped(): void {
    this.#env.clear(this.#typingTimer);
    if (this.#toldAt !== Number.NEGATIVE_INFINITY) {
      this.#toldAt = Number.NEGATIVE_INFINITY;
      this.#home.bus.post({ is: "writing", room: this.#room, active: false });
    }
  }

  /** Stores a message that waits. With `draft` it takes the place of the draft. */
  #put(draft: Draft, its?: { next: DraftState | undefined }, to: Id = this.#room): Answer {
    return attempt(async () => {
      const { db } = this.#home;
      // The others learn by this what they lack: it is the last one that the relay has confirmed.
      const after = this.#mirror.rooms.peek().get(to)?.confirmed;
      const id = this.#ids.next(this.#env.now(), this.#env.random(RANDOM_BYTES));
      const frame = sendFrame(after === undefined ? draft : { ...draft, after }, id, to);
      const next = its?.next === undefined ? undefined : this.#rowOf(its.next);
      await enqueue(db, { id, room: to, frame, at: this.#env.now() }, its !== undefined, next);
      await this.#mirror.changed("outbox", ...(its === undefined ? [] : (["drafts"] as const)));
    });
  }
}

function messageOf({ text, replyTo, editing, mentions }: DraftState): Draft {
  if (editing !== undefined) {
    return editDraft(editing, text);
  }
  const draft = replyTo === undefined ? textDraft(text) : replyDraft(replyTo.message, text);
  return withMentions(draft, mentions);
}
