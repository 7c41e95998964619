/** What the user writes in a room: the draft, and what becomes of it. */
import { type Signal, signal } from "@preact/signals";
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
import type { Id } from "../core/id.ts";
import type { Target } from "../core/message.ts";
import { RANDOM_BYTES, type Uuid7 } from "../core/uuid7.ts";
import { draftOf, putDraft } from "../db/drafts.ts";
import { getRow } from "../db/messages.ts";
import { changeOutbox, discard, enqueue } from "../db/outbox.ts";
import { sendFrame } from "../wire/outgoing.ts";
import type { Env, Home } from "./env.ts";
import type { Mirror } from "./mirror.ts";
import type { DraftState } from "./room-model.ts";

/** How long a draft is not stored while the user goes on writing. */
const STORED_AFTER = 300;
/** How often the others are told that the user writes, and when they have stopped. */
const TOLD_EACH = 3_000;
const STOPPED_AFTER = 5_000;

export const EMPTY: DraftState = { text: "", mentions: [] };

export class Composer {
  readonly draft: Signal<DraftState> = signal(EMPTY);
  readonly #env: Env;
  readonly #mirror: Mirror;
  readonly #home: Home;
  readonly #room: Id;
  readonly #ids: Uuid7;
  #isDirty = false;
  #timer: unknown;
  #typingTimer: unknown;
  #toldAt = Number.NEGATIVE_INFINITY;

  constructor(env: Env, mirror: Mirror, home: Home, room: Id, ids: Uuid7) {
    this.#env = env;
    this.#mirror = mirror;
    this.#home = home;
    this.#room = room;
    this.#ids = ids;
  }

  /** Shows the draft that is stored, unless the user is writing here. */
  async load(): Promise<void> {
    const row = await draftOf(this.#home.db, this.#room);
    if (this.#isDirty) {
      return;
    }
    const { text = "", mentions = [], replyTo, editing } = row ?? {};
    const draft: DraftState = { text, mentions };
    if (replyTo !== undefined) {
      draft.replyTo = replyTo;
    }
    if (editing !== undefined) {
      draft.editing = editing;
    }
    if (JSON.stringify(draft) !== JSON.stringify(this.draft.peek())) {
      this.draft.value = draft;
    }
  }

  set(draft: DraftState): void {
    this.draft.value = draft;
    this.#isDirty = true;
    this.#env.clear(this.#timer);
    this.#timer = this.#env.set(() => void this.flush(), STORED_AFTER);
  }

  /** Stores the draft now. */
  async flush(): Promise<void> {
    this.#env.clear(this.#timer);
    if (this.#isDirty) {
      this.#isDirty = false;
      await putDraft(this.#home.db, { ...this.draft.peek(), room: this.#room, at: this.#env.now() });
      await this.#mirror.changed("drafts");
    }
  }

  /** Sends the draft. It is emptied in the transaction that stores the message. */
  async send(): Promise<boolean> {
    const { text, replyTo, editing, mentions } = this.draft.peek();
    if (text.trim() === "") {
      return false;
    }
    this.#env.clear(this.#timer);
    this.#isDirty = false;
    this.draft.value = EMPTY;
    this.#stopped();
    if (editing !== undefined) {
      return await this.#put(editDraft(editing, text), true);
    }
    const draft = replyTo === undefined ? textDraft(text) : replyDraft(replyTo.message, text);
    return await this.#put(withMentions(draft, mentions), true);
  }

  async react(target: Target, emoji: string, remove: boolean): Promise<void> {
    await this.#put(reactionDraft(target, emoji, remove), false);
  }

  async remove(target: Target): Promise<void> {
    await this.#put(deleteDraft(target), false);
  }

  async forward(target: Target, to: Id): Promise<void> {
    const row = await getRow(this.#home.db, this.#room, target);
    const { slot } = row ?? {};
    if (slot?.message === undefined || slot.deleted !== undefined) {
      return;
    }
    const draft = forwardDraft(slot.message);
    if (draft !== undefined) {
      await this.#put(draft, false, to);
    }
  }

  /** Tries a message again that the relay has rejected: the same one, not a new one. */
  async retry(message: Id): Promise<void> {
    await changeOutbox(this.#home.db, message, (row) => {
      delete row.failed;
      delete row.refused;
    });
    await this.#mirror.changed("outbox");
  }

  /** Drops a message that the relay has rejected, and returns its text. */
  async discard(message: Id): Promise<string> {
    const row = await discard(this.#home.db, message);
    await this.#mirror.changed("outbox");
    const { body } = row === undefined ? { body: "" } : (JSON.parse(row.frame) as { body: unknown });
    return typeof body === "string" ? body : "";
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
    this.#stopped();
    void this.flush();
  }

  #stopped(): void {
    this.#env.clear(this.#typingTimer);
    if (this.#toldAt !== Number.NEGATIVE_INFINITY) {
      this.#toldAt = Number.NEGATIVE_INFINITY;
      this.#home.bus.post({ is: "writing", room: this.#room, active: false });
    }
  }

  async #put(draft: Draft, isDraft: boolean, to: Id = this.#room): Promise<boolean> {
    const { db } = this.#home;
    // The others learn by this what they lack: it is the last one that the relay has confirmed.
    const after = this.#mirror.rooms.peek().get(to)?.confirmed;
    const id = this.#ids.next(this.#env.now(), this.#env.random(RANDOM_BYTES));
    const frame = sendFrame(after === undefined ? draft : { ...draft, after }, id, to);
    await enqueue(db, { id, room: to, frame, at: this.#env.now() }, isDraft);
    await this.#mirror.changed("outbox", ...(isDraft ? (["drafts"] as const) : []));
    return true;
  }
}
