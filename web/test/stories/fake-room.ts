/** A room of the small world. */
import { computed, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import { givenBackOver } from "../../src/core/drafts.ts";
import type { Target } from "../../src/core/message.ts";
import { utf8Length } from "../../src/core/text.ts";
import type { Answer, Problem } from "../../src/state/answer.ts";
import type { Person, RoomRow } from "../../src/state/model.ts";
import type {
  Ban,
  DraftState,
  Member,
  OpenInvitation,
  OpenRoom,
  ReceiptRow,
  RoomRights,
} from "../../src/state/room-model.ts";
import { FakeTimeline } from "./fake-timeline.ts";
import { BOB, DAY, EVIL, HOUR, JURGEN, LIN, LONG, ME, NOW, OLGA, OMAR, PEOPLE } from "./people.ts";
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
  bans: Ban[] = [
    { user: EVIL, by: "Ann Okafor", reason: "Sold tickets that were none." },
    { user: LONG, by: ME.name, until: NOW + 3 * DAY },
  ];
  openInvitations: OpenInvitation[] = [{ user: LIN, by: ME.name, at: NOW - 3 * HOUR }];
  readonly trouble: Signal<Problem | undefined> = signal(undefined);
  readonly excess = computed(() => utf8Length(JSON.stringify(this.draft.value.text)) - 63_488);
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

  async send(): Answer {
    const { text, editing, replyTo, mentions, before } = this.draft.peek();
    this.#log("send", text, { editing, replyTo, mentions });
    const answer = await this.answer();
    if (!answer.ok) {
      return answer;
    }
    this.draft.value = before ?? { text: "", mentions: [] };
    if (editing !== undefined) {
      this.timeline.change(editing.message, (said) => ({
        ...said,
        content: { is: "text", text },
        isEdited: true,
      }));
      return answer;
    }
    const to = this.timeline.said.peek().find((one) => one.target.message === replyTo?.message);
    const quoted = to?.content.is === "text" ? to.content.text : "";
    const reply =
      to === undefined
        ? {}
        : { reply: { target: to.target, author: to.author.name, text: quoted, isHere: true } };
    this.timeline.arrive(say(ME, Date.now(), text, { mark: "waiting", ...reply }));
    return answer;
  }

  async react(target: Target, emoji: string, remove: boolean): Answer {
    this.#log("react", target.message, emoji, remove);
    const answer = await this.answer();
    if (!answer.ok) {
      return answer;
    }
    this.timeline.change(target.message, (said) => {
      const others = said.reactions.filter((one) => one.emoji !== emoji);
      const known = said.reactions.find((one) => one.emoji === emoji);
      const names = (known?.names ?? []).filter((name) => name !== ME.name);
      const now = remove ? names : [...names, ME.name];
      const reactions =
        now.length === 0 ? others : [...others, { emoji, count: now.length, isMine: !remove, names: now }];
      return { ...said, reactions };
    });
    return answer;
  }

  async remove(target: Target): Answer {
    this.#log("remove", target.message);
    const answer = await this.answer();
    if (!answer.ok) {
      return answer;
    }
    this.timeline.change(target.message, (said) => ({
      ...said,
      content: { is: "deleted", by: ME.name },
      may: { edit: false, remove: false },
    }));
    return answer;
  }

  forward(target: Target, to: string): Answer {
    this.#log("forward", target.message, to);
    return this.answer();
  }

  retry(message: string): Answer {
    this.#log("retry", message);
    this.timeline.change(message, ({ problem: _, ...said }) => said);
    return this.answer();
  }

  async discard(message: string): Answer {
    this.#log("discard", message);
    this.#drop(message);
    return { ok: true, value: undefined };
  }

  async takeBack(message: string): Answer {
    this.#log("takeBack", message);
    const back = this.#drop(message);
    if (back !== undefined) {
      this.setDraft(givenBackOver(this.draft.peek(), back));
    }
    return { ok: true, value: undefined };
  }

  #drop(message: string): DraftState | undefined {
    let value: DraftState | undefined;
    this.timeline.change(message, ({ content }) => {
      value = content.is === "text" ? { text: content.text, mentions: [] } : undefined;
      return undefined;
    });
    // What was rejected may also be an edit of a message that stays.
    for (const { failure, target } of this.timeline.said.peek()) {
      if (failure?.id === message) {
        value = { text: "the rejected edit", mentions: [], editing: target };
        this.timeline.change(target.message, ({ failure: _, ...said }) => said);
      }
    }
    return value;
  }

  receipts(): ReadonlySignal<ReceiptRow[]> {
    const row = (person: Person, more: Partial<ReceiptRow>): ReceiptRow => ({
      user: person.id,
      // A hostile world gives its members other names.
      name: this.members.value.find(({ user }) => user === person.id)?.name ?? person.name,
      devices: 2,
      delivered: 2,
      isExpired: false,
      isUnreachable: false,
      ...more,
    });
    return computed(() => [
      row(BOB, { readAt: NOW - HOUR }),
      row(OLGA, { delivered: 1 }),
      row(LIN, { delivered: 0, devices: 1 }),
      row(OMAR, { delivered: 0, devices: 0, isUnreachable: true }),
      row(JURGEN, { delivered: 0, devices: 1, isExpired: true }),
    ]);
  }

  markRead(): Answer {
    this.#log("markRead");
    return this.answer();
  }

  markUnread(from: Target): Answer {
    this.#log("markUnread", from.message);
    return this.answer();
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

  get may(): ReadonlySignal<RoomRights> {
    return computed(() => {
      const role = this.members.value.find(({ user }) => user === ME.id)?.role;
      const isAdmin = role === "admin" || role === "owner";
      const isRoom = this.row.value.kind !== "direct";
      return {
        change: isRoom && isAdmin,
        add: isRoom && isAdmin,
        invite: isRoom && (isAdmin || this.row.value.kind === "channel"),
        manage: isRoom && isAdmin,
        leave: isRoom && role !== undefined,
        delete: isRoom && role === "owner",
      };
    });
  }

  async loadBans(): Answer<Ban[]> {
    const answer = await this.answer();
    return answer.ok ? { ok: true, value: this.bans } : answer;
  }

  ban(user: string, ban: { until?: number; reason?: string }): Answer {
    this.#log("ban", user, ban);
    return this.answer();
  }

  liftBan(user: string): Answer {
    this.#log("liftBan", user);
    return this.answer();
  }

  async loadInvitations(): Answer<OpenInvitation[]> {
    const answer = await this.answer();
    return answer.ok ? { ok: true, value: this.openInvitations } : answer;
  }

  withdrawInvitation(user: string): Answer {
    this.#log("withdrawInvitation", user);
    return this.answer();
  }

  async change(form: { name?: string; description?: string }): Answer {
    this.#log("change", form);
    const answer = await this.answer();
    if (answer.ok) {
      this.row.value = { ...this.row.peek(), ...form };
    }
    return answer;
  }

  handOver(user: string): Answer {
    this.#log("handOver", user);
    return this.answer();
  }

  delete(): Answer {
    this.#log("delete");
    return this.answer();
  }

  async setHidden(isHidden: boolean): Answer {
    this.#log("setHidden", isHidden);
    const answer = await this.answer();
    if (answer.ok) {
      this.row.value = { ...this.row.peek(), isHidden };
    }
    return answer;
  }

  setMuted(muted: boolean): Answer {
    this.#log("setMuted", muted);
    this.row.value = { ...this.row.peek(), isMuted: muted };
    return this.answer();
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
      may: { promote: may, mute: may, remove: may, ban: may, handOver: may },
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
