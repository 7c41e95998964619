/** A room of the small world. */
import { computed, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import type { Target } from "../../src/core/message.ts";
import type { Answer } from "../../src/state/answer.ts";
import type { RoomRow } from "../../src/state/model.ts";
import type { DraftState, Member, OpenRoom, ReceiptRow } from "../../src/state/room-model.ts";
import { FakeTimeline } from "./fake-timeline.ts";
import { DAY, HOUR, ME, NOW, PEOPLE } from "./people.ts";
import { type Said, say } from "./talk.ts";

export interface RoomPlan {
  row: RoomRow;
  said: Said[];
  unreadFrom?: string;
  gapBefore?: string;
  members?: Member[];
  mayWrite?: OpenRoom["mayWrite"]["value"];
}

export type Log = (name: string, ...values: unknown[]) => void;

export class FakeRoom implements OpenRoom {
  readonly id: string;
  readonly row: Signal<RoomRow>;
  readonly timeline: FakeTimeline;
  readonly members: Signal<Member[]>;
  readonly draft: Signal<DraftState>;
  readonly mayWrite: ReadonlySignal<OpenRoom["mayWrite"]["value"]>;
  readonly #log: Log;
  /** What the next request of a form gives back. */
  readonly answer: () => Answer;

  constructor(plan: RoomPlan, log: Log, answer: () => Answer) {
    this.id = plan.row.id;
    this.row = signal(plan.row);
    this.timeline = new FakeTimeline(plan.said, plan.unreadFrom, plan.gapBefore);
    this.members = signal(plan.members ?? []);
    this.draft = signal({ text: plan.row.draft ?? "", mentions: [] });
    this.mayWrite = signal(plan.mayWrite ?? { ok: true });
    this.#log = (name, ...values) => log(`room.${name}`, ...values);
    this.answer = answer;
  }

  setDraft(draft: DraftState): void {
    this.draft.value = draft;
  }

  async send(): Promise<void> {
    const { text, editing, replyTo, mentions } = this.draft.peek();
    this.#log("send", text, { editing, replyTo, mentions });
    this.draft.value = { text: "", mentions: [] };
    if (editing !== undefined) {
      this.timeline.change(editing.message, (said) => ({
        ...said,
        content: { is: "text", text },
        isEdited: true,
      }));
      return;
    }
    const to = this.timeline.said.peek().find((one) => one.target.message === replyTo?.message);
    const quoted = to?.content.is === "text" ? to.content.text : "";
    const reply =
      to === undefined
        ? {}
        : { reply: { target: to.target, author: to.author.name, text: quoted, isHere: true } };
    this.timeline.arrive(say(ME, Date.now(), text, { mark: "waiting", ...reply }));
  }

  async react(target: Target, emoji: string, remove: boolean): Promise<void> {
    this.#log("react", target.message, emoji, remove);
    this.timeline.change(target.message, (said) => {
      const others = said.reactions.filter((one) => one.emoji !== emoji);
      const known = said.reactions.find((one) => one.emoji === emoji);
      const names = (known?.names ?? []).filter((name) => name !== ME.name);
      const now = remove ? names : [...names, ME.name];
      const reactions =
        now.length === 0 ? others : [...others, { emoji, count: now.length, isMine: !remove, names: now }];
      return { ...said, reactions };
    });
  }

  async remove(target: Target): Promise<void> {
    this.#log("remove", target.message);
    this.timeline.change(target.message, (said) => ({
      ...said,
      content: { is: "deleted", by: ME.name },
      may: { edit: false, remove: false },
    }));
  }

  async forward(target: Target, to: string): Promise<void> {
    this.#log("forward", target.message, to);
  }

  async retry(message: string): Promise<void> {
    this.#log("retry", message);
    this.timeline.change(message, ({ problem: _, ...said }) => said);
  }

  async discard(message: string): Promise<string> {
    this.#log("discard", message);
    let text = "";
    this.timeline.change(message, ({ content }) => {
      text = content.is === "text" ? content.text : "";
      return undefined;
    });
    return text;
  }

  receipts(): ReadonlySignal<ReceiptRow[]> {
    const row = (user: string, more: Partial<ReceiptRow>): ReceiptRow => ({
      user,
      devices: 2,
      delivered: 2,
      isExpired: false,
      isUnreachable: false,
      ...more,
    });
    return computed(() => [
      row("Bob Larsen", { readAt: NOW - HOUR }),
      row("Ольга Петрова", { delivered: 1 }),
      row("林小雨", { delivered: 0, devices: 1 }),
      row("محمد الأحمد", { delivered: 0, devices: 0, isUnreachable: true }),
      row("Jürgen Weiß", { delivered: 0, devices: 1, isExpired: true }),
    ]);
  }

  async markRead(): Promise<void> {
    this.#log("markRead");
  }

  async markUnread(from: Target): Promise<void> {
    this.#log("markUnread", from.message);
  }

  inView(keys: readonly string[]): void {
    this.#log("inView", [...keys]);
  }

  typing(): void {
    this.#log("typing");
  }

  loadMembers(): Answer {
    return this.answer();
  }

  addMember(user: string): Answer {
    this.#log("addMember", user);
    return this.answer();
  }

  invite(user: string): Answer {
    this.#log("invite", user);
    return this.answer();
  }

  changeMember(user: string, change: { role?: Member["role"]; mutedUntil?: number | null }): Answer {
    this.#log("changeMember", user, change);
    return this.answer();
  }

  removeMember(user: string): Answer {
    this.#log("removeMember", user);
    return this.answer();
  }

  ban(user: string, until?: number): Answer {
    this.#log("ban", user, until);
    return this.answer();
  }

  rename(form: { name?: string; description?: string }): Answer {
    this.#log("rename", form);
    return this.answer();
  }

  async setMuted(muted: boolean): Promise<void> {
    this.#log("setMuted", muted);
    this.row.value = { ...this.row.peek(), isMuted: muted };
  }

  leave(): Answer {
    this.#log("leave");
    return this.answer();
  }

  close(): void {
    this.#log("close");
  }
}

export function membersOf(users: readonly number[], mine: Member["role"] = "owner"): Member[] {
  const roles: Member["role"][] = [mine, "admin", "moderator", "member"];
  return users.flatMap((at, index) => {
    const person = PEOPLE[at];
    if (person === undefined) {
      return [];
    }
    const may = index > 0 && mine === "owner";
    const member: Member = {
      user: person.id,
      username: person.username,
      name: person.name,
      role: roles[index] ?? "member",
      may: { promote: may, mute: may, remove: may, ban: may },
    };
    return [
      {
        ...member,
        ...(person.presence === undefined ? {} : { presence: person.presence }),
        ...(index === 4 ? { mutedUntil: NOW + 400 * DAY } : {}),
      },
    ];
  });
}
