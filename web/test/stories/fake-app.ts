/** An app of plain values. It notes each intent, and does what is likely to come of it. */
import { computed, type Signal, signal } from "@preact/signals";
import type { Answer, Problem } from "../../src/state/answer.ts";
import type {
  App,
  Connection,
  History,
  Hit,
  Hole,
  Invitation,
  NoticeRow,
  Notices,
  People,
  Person,
  Phase,
  RoomRow,
  Rooms,
  Search,
  SearchQuery,
  Settings,
  SettingValues,
} from "../../src/state/model.ts";
import { FakeRoom, type RoomPlan } from "./fake-room.ts";
import { FakeSession } from "./fake-session.ts";
import { CHANNELS, NOTICES, NOWHERE } from "./finds.ts";
import { ANN, BOB, DAY, EVIL, HOUR, id, JURGEN, LIN, OLGA, OMAR, PEOPLE } from "./people.ts";
import { plans, ROOM } from "./rooms.ts";

type Value<S> = S extends { value: infer V } ? V : never;

/** A search pauses after so many hits. */
const SHOWN = 40;

export class FakeApp implements App {
  /** Every intent, in order. */
  readonly calls: [name: string, ...values: unknown[]][] = [];
  /** What the next requests give back, and `undefined` if all is well. */
  readonly problems: (Problem | undefined)[] = [];
  readonly announcement = signal("");

  readonly phase: Signal<Phase> = signal({ is: "signed_in", isEmptyDevice: false });
  readonly state: Signal<Value<Connection["state"]>> = signal({ is: "online" });
  readonly waiting = signal(0);
  readonly clockSkew = signal<number | undefined>(undefined);
  readonly list: Signal<RoomRow[]>;
  readonly invitations: Signal<Invitation[]> = signal([
    { room: id(201), name: "Choir on the pier", kind: "group", by: "Ann Okafor", at: Date.now() - 3 * HOUR },
    { room: id(202), name: "Sailing course", kind: "channel", by: "Jürgen Weiß", at: Date.now() - 2 * DAY },
  ]);
  readonly friends: Signal<Person[]> = signal([ANN, BOB, OLGA, LIN]);
  readonly requests = signal({ incoming: [OMAR], outgoing: [JURGEN] });
  readonly blocked: Signal<Person[]> = signal([EVIL]);
  readonly known: Signal<Person[]> = signal(PEOPLE);
  about = "Sails on Saturdays.\nBakes on Sundays.";
  readonly noticeList: Signal<NoticeRow[]> = signal(NOTICES);
  readonly values: Signal<SettingValues> = signal({
    theme: "light",
    language: "en",
    enterSends: true,
    notificationText: true,
    sounds: false,
    reduceMotion: false,
  });
  readonly notificationState: Signal<Value<Settings["notifications"]>> = signal("off");
  readonly historyStatus: Signal<Value<History["status"]>> = signal({
    bytes: 48_300_000,
    quota: 2_100_000_000,
    messages: 18_204,
    protection: "protected",
    lastExportAt: Date.now() - 12 * DAY,
    isReminderDue: false,
  });
  readonly holeList: Signal<readonly Hole[]> = signal([]);
  readonly plans: RoomPlan[] = plans();
  readonly open = new Map<string, FakeRoom>();

  constructor() {
    this.list = signal(this.plans.map(({ row }) => row));
  }

  #log = (name: string, ...values: unknown[]) => {
    this.calls.push([name, ...values]);
  };

  /** No request is ever answered. */
  isSlow = false;

  #answer = async <T>(value: T): Answer<T> => {
    if (this.isSlow) {
      return new Promise(() => undefined);
    }
    const problem = this.problems.shift();
    if (problem?.key === "throw") {
      throw new Error("what somebody wrote");
    }
    return problem === undefined ? { ok: true, value } : { ok: false, problem };
  };

  #done = (): Answer => this.#answer(undefined);

  #does =
    (name: string) =>
    (...values: unknown[]): Answer => {
      this.#log(name, ...values);
      return this.#done();
    };

  readonly session = new FakeSession(this.#log, this.#answer, this.phase);

  get me(): FakeSession["me"] {
    return this.session.me;
  }

  get devices(): FakeSession["devices"] {
    return this.session.devices;
  }

  readonly reload = (): void => this.#log("reload");

  readonly connection: Connection = {
    state: this.state,
    waiting: this.waiting,
    clockSkew: this.clockSkew,
    limits: signal({ frame: 65_536 }),
    tryNow: () => this.#log("tryNow"),
  };

  get rooms(): Rooms {
    return {
      list: computed(() => this.list.value.filter(({ isHidden }) => !isHidden)),
      hidden: computed(() => this.list.value.filter(({ isHidden }) => isHidden)),
      invitations: this.invitations,
      total: computed(() => ({
        messages: this.list.value.reduce((sum, row) => sum + (row.isMuted ? 0 : row.unread), 0),
        mentions: this.list.value.reduce((sum, row) => sum + row.mentions, 0),
      })),
      create: (form) => {
        this.#log("create", form);
        return this.#answer(ROOM.empty);
      },
      direct: (user) => {
        this.#log("direct", user);
        return this.#answer(this.list.peek().find(({ peer }) => peer === user)?.id ?? ROOM.empty);
      },
      find: (name) => {
        this.#log("find", name);
        return this.#answer(CHANNELS.filter((room) => room.name.toLowerCase().includes(name.toLowerCase())));
      },
      join: this.#does("join"),
      answerInvitation: async (room, accept) => {
        this.#log("answerInvitation", room, accept);
        this.invitations.value = this.invitations.peek().filter((one) => one.room !== room);
        return this.#done();
      },
    };
  }

  readonly people: People = {
    friends: this.friends,
    requests: this.requests,
    blocked: this.blocked,
    known: this.known,
    look: (user) => {
      this.#log("look", user);
      const person = this.known.peek().find(({ id }) => id === user);
      return this.#answer({ ...(person ?? ANN), about: this.about, avatar: "https://example.org/ann.png" });
    },
    load: this.#done,
    find: (name) => {
      this.#log("findPeople", name);
      const wanted = name.toLowerCase();
      return this.#answer(
        PEOPLE.filter((one) => one.name.toLowerCase().includes(wanted) || one.username.startsWith(wanted)),
      );
    },
    ask: this.#does("ask"),
    answer: this.#does("answer"),
    withdraw: this.#does("withdraw"),
    unfriend: this.#does("unfriend"),
    block: this.#does("block"),
  };

  readonly notices: Notices = {
    list: this.noticeList,
    unread: computed(() => this.noticeList.value.filter(({ isRead }) => !isRead).length),
    markRead: async () => {
      this.#log("noticesRead");
    },
  };

  readonly settings: Settings = {
    values: this.values,
    set: (values) => {
      this.#log("set", values);
      this.values.value = { ...this.values.peek(), ...values };
    },
    allowNotifications: async () => {
      this.#log("allowNotifications");
      this.notificationState.value = "on";
      return true;
    },
    notifications: this.notificationState,
  };

  readonly history: History = {
    holes: this.holeList,
    status: this.historyStatus,
    refresh: async () => undefined,
    protect: async () => {
      this.#log("protect");
      this.historyStatus.value = { ...this.historyStatus.peek(), protection: "protected" };
      return true;
    },
    exportTo: async (lock, write, progress) => {
      this.#log("exportTo", lock);
      progress(0.3);
      await write(new Uint8Array([1, 2, 3]));
      progress(1);
      return this.#answer({ name: "ferry-mira-2026-11-24.tar.age" });
    },
    importFrom: async (_file, key, progress) => {
      this.#log("importFrom", key);
      progress(1);
      return this.#answer({ added: 1_204 });
    },
    newPassphrase: () => "harbour-lamp-seven-otter-quiet-maple-north-rain",
  };

  openRoom(room: string): FakeRoom {
    const known = this.open.get(room);
    if (known !== undefined) {
      return known;
    }
    const plan = this.plans.find(({ row }) => row.id === room);
    const fallback = { row: undefined as unknown as RoomRow, said: [] };
    const opened = new FakeRoom(
      plan ?? { ...fallback, row: { ...NOWHERE, id: room } },
      this.#log,
      this.#done,
    );
    if (plan === undefined) {
      (opened.row as Signal<RoomRow | undefined>).value = undefined;
    }
    this.open.set(room, opened);
    return opened;
  }

  search(query: SearchQuery): Search {
    this.#log("search", query);
    const hits = this.plans.flatMap(({ row, said }) =>
      said.flatMap((one): Hit[] => {
        const text = one.content.is === "text" ? one.content.text : "";
        const at = text.toLowerCase().indexOf(query.words.toLowerCase());
        const isWanted =
          (query.room === undefined || query.room === row.id) &&
          (query.from === undefined || query.from === one.author.id);
        if (at < 0 || !isWanted) {
          return [];
        }
        const from = Math.max(0, at - 40);
        const excerpt = text.slice(from, at + 120);
        return [
          {
            room: row.id,
            roomName: row.name,
            target: one.target,
            author: one.author.name,
            at: one.at,
            excerpt,
            marks: [[at - from, at - from + query.words.length]],
          },
        ];
      }),
    );
    const sorted = hits.toSorted((one, other) => other.at - one.at);
    const shown = signal(sorted.slice(0, SHOWN));
    const state: Signal<Search["state"]["value"]> = signal(sorted.length > SHOWN ? "paused" : "done");
    return {
      hits: shown,
      state,
      more: () => {
        this.#log("more");
        shown.value = sorted;
        state.value = "done";
      },
      cancel: () => this.#log("cancel"),
    };
  }
}
