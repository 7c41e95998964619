/** What is said of new messages: to a screen reader, and as a notification. */
import { effect, type Signal, signal } from "@preact/signals";
import type { Id } from "../core/id.ts";
import type { Target } from "../core/message.ts";
import { getRow, wordsOf } from "../db/messages.ts";
import type { Env } from "./env.ts";
import type { Mirror } from "./mirror.ts";
import type { Settings } from "./model.ts";
import { personName, roomName } from "./names.ts";

/** What comes within this time is said together. */
const GATHERED = 1_000;
/** The notifications of one moment. More are one. */
const NOTES_MAX = 3;

interface NewsItem {
  room: Id;
  target: Target;
  isMention: boolean;
}

export class Announcer {
  readonly text: Signal<string> = signal("");
  readonly #env: Env;
  readonly #mirror: Mirror;
  readonly #settings: Settings;
  readonly #open: ReadonlyMap<Id, number>;
  #news: NewsItem[] = [];
  #backlog = 0;
  #timer: unknown;
  readonly #endings: (() => void)[];

  constructor(env: Env, mirror: Mirror, settings: Settings, open: ReadonlyMap<Id, number>) {
    this.#env = env;
    this.#mirror = mirror;
    this.#settings = settings;
    this.#open = open;
    this.#endings = [
      mirror.listen((heard) => {
        if (heard.is === "news") {
          this.#take(heard.news, heard.isBacklog);
        }
      }),
      effect(() => {
        const state = mirror.home.value?.state.value;
        if (this.#backlog > 0 && (state?.is === "online" || state?.is === "follower")) {
          // One summary of all that has waited, and no sounds.
          this.text.value = env.say("announce.backlog", { n: this.#backlog });
          this.#backlog = 0;
        }
      }),
    ];
  }

  end(): void {
    this.#env.clear(this.#timer);
    for (const end of this.#endings) {
      end();
    }
  }

  #take(news: NewsItem[], isBacklog: boolean): void {
    if (isBacklog) {
      this.#backlog += news.length;
      return;
    }
    this.#news.push(...news);
    this.#env.clear(this.#timer);
    this.#timer = this.#env.set(() => void this.#say().catch(() => undefined), GATHERED);
  }

  async #say(): Promise<void> {
    const home = this.#mirror.home.peek();
    const news = this.#news;
    this.#news = [];
    if (home === undefined) {
      return;
    }
    const rooms = this.#mirror.rooms.peek();
    const loud = news.filter(({ room, isMention }) => isMention || rooms.get(room)?.isMuted !== true);
    if (loud.length === 0) {
      return;
    }
    if (this.#env.isVisible()) {
      this.text.value =
        loud.length === 1 && loud[0] !== undefined
          ? await this.#words(loud[0])
          : this.#env.say("announce.messages", { n: loud.length });
    }
    await this.#notify(loud);
  }

  /** Only the tab that leads notifies, so that a message is told once. */
  async #notify(news: NewsItem[]): Promise<void> {
    const home = this.#mirror.home.peek();
    const leads = home !== undefined && home.state.peek().is !== "follower";
    if (!leads || this.#env.notifications.state() !== "on") {
      return;
    }
    const hidden = news.filter(({ room }) => !(this.#env.isVisible() && this.#open.has(room)));
    for (const one of hidden.slice(-NOTES_MAX)) {
      const room = this.#mirror.rooms.peek().get(one.room);
      const title = room === undefined ? "Ferry" : roomName(room, this.#mirror.people.peek());
      const isShown = this.#settings.values.peek().notificationText;
      const text = isShown ? await this.#words(one) : this.#env.say("announce.messages", { n: 1 });
      this.#env.notifications.show({
        key: `${one.target.from}/${one.target.message}`,
        title,
        text,
        room: one.room,
      });
    }
  }

  async #words({ room, target }: NewsItem): Promise<string> {
    const home = this.#mirror.home.peek();
    const row = home === undefined ? undefined : await getRow(home.db, room, target);
    const text = row === undefined ? "" : (wordsOf(row.slot) ?? "");
    const name = personName(this.#mirror.people.peek(), target.from);
    return this.#env.say("announce.message", { name, text: text.slice(0, 200) });
  }
}
