/** What is said of new messages: to a screen reader, and as a notification. */
import { effect, type Signal, signal } from "@preact/signals";
import type { Id } from "../core/id.ts";
import { targetKey } from "../core/message.ts";
import { quietly } from "../core/quietly.ts";
import type { News } from "../db/changes.ts";
import { getRow, wordsOf } from "../db/messages.ts";
import type { Env, Home } from "./env.ts";
import type { Mirror } from "./mirror.ts";
import type { Settings } from "./model.ts";
import { personName, roomName } from "./names.ts";

/** What comes within this time is said together. */
const GATHERED = 1_000;
/** The notifications of one moment. More are one. */
const NOTES_MAX = 3;

/** The notifications that are remembered, to close them when their message is deleted. */
const SHOWN_MAX = 200;

export class Announcer {
  readonly text: Signal<string> = signal("");
  readonly #env: Env;
  readonly #mirror: Mirror;
  readonly #settings: Settings;
  readonly #open: ReadonlyMap<Id, number>;
  #news: News[] = [];
  #backlog = 0;
  /** The rooms of the news that the user sees in another tab. */
  #inSight: ReadonlySet<Id> = new Set();
  #unread: ReadonlySet<Id> = new Set();
  /** The rooms of what was shown, by message. */
  readonly #shown = new Map<string, Id>();
  #timer: unknown;
  #summing: unknown;
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
        } else if (heard.is === "in_sight") {
          this.#inSight = new Set([...this.#inSight, ...heard.rooms]);
        } else if (heard.is === "deleted") {
          this.#forget(heard.messages.map(({ target }) => targetKey(target)));
        }
      }),
      effect(() => {
        // What was read here or on another device needs no notification any more.
        const unread = [...mirror.rooms.value.values()].filter(({ unread }) => unread.messages > 0);
        const now = new Set(unread.map(({ id }) => id));
        for (const room of this.#unread) {
          if (!now.has(room)) {
            env.notifications.close(room);
          }
        }
        this.#unread = now;
      }),
      effect(() => {
        const home = mirror.home.value;
        if (home === undefined) {
          // The history is hidden, and the next one at this screen may be another user.
          this.#news = [];
          this.#backlog = 0;
          this.text.value = "";
        }
        if (home?.state.value !== undefined) {
          this.#sumUp();
        }
      }),
    ];
  }

  end(): void {
    this.#env.clear(this.#timer);
    this.#env.clear(this.#summing);
    for (const end of this.#endings) {
      end();
    }
  }

  #take(news: News[], isBacklog: boolean): void {
    if (isBacklog) {
      this.#backlog += news.length;
      // The news of the last batch may come after the state that says that it was the last one.
      this.#env.clear(this.#summing);
      this.#summing = this.#env.set(() => this.#sumUp(), GATHERED);
      return;
    }
    this.#news.push(...news);
    this.#answer(news);
    this.#env.clear(this.#timer);
    this.#timer = this.#env.set(() => quietly(this.#say()), GATHERED);
  }

  /** Tells the tab that notifies which of the rooms the user sees here. */
  #answer(news: News[]): void {
    const rooms = [...new Set(news.map(({ room }) => room))].filter((room) => this.#open.has(room));
    if (rooms.length > 0 && this.#env.isVisible()) {
      this.#mirror.home.peek()?.bus.post({ is: "in_sight", rooms });
    }
  }

  /** One summary of all that has waited, and no sounds. */
  #sumUp(): void {
    const state = this.#mirror.home.peek()?.state.peek();
    if (this.#backlog > 0 && (state?.is === "online" || state?.is === "follower")) {
      this.text.value = this.#env.say("announce.backlog", { n: this.#backlog });
      this.#backlog = 0;
    }
  }

  /** Removes what is said of messages, because they are deleted. */
  #forget(keys: readonly string[]): void {
    this.#news = this.#news.filter(({ target }) => !keys.includes(targetKey(target)));
    for (const key of keys) {
      const room = this.#shown.get(key);
      if (room !== undefined) {
        this.#env.notifications.close(room);
        this.#shown.delete(key);
      }
    }
  }

  async #say(): Promise<void> {
    const home = this.#mirror.home.peek();
    const news = this.#news;
    const inSight = this.#inSight;
    this.#news = [];
    this.#inSight = new Set();
    if (home === undefined) {
      return;
    }
    const rooms = this.#mirror.rooms.peek();
    const loud = news.filter(({ room, isMention }) => isMention || rooms.get(room)?.isMuted !== true);
    if (loud.length === 0) {
      return;
    }
    if (this.#env.isVisible()) {
      const text =
        loud.length === 1 && loud[0] !== undefined
          ? await this.#words(home, loud[0])
          : this.#env.say("announce.messages", { n: loud.length });
      // The history may be hidden by now, and the next one at this screen be another user.
      if (this.#mirror.home.peek() !== home) {
        return;
      }
      this.text.value = text;
    }
    await this.#notify(
      home,
      loud.filter(({ room }) => !inSight.has(room)),
    );
  }

  /** Only the tab that leads notifies, so that a message is told once. */
  async #notify(home: Home, news: News[]): Promise<void> {
    if (home.state.peek().is === "follower" || this.#env.notifications.state() !== "on") {
      return;
    }
    const hidden = news.filter(({ room }) => !(this.#env.isVisible() && this.#open.has(room)));
    const isShown = this.#settings.values.peek().notificationText;
    for (const { room, target } of hidden.slice(-NOTES_MAX)) {
      const row = this.#mirror.rooms.peek().get(room);
      const title = row === undefined ? "Ferry" : roomName(row, this.#mirror.people.peek());
      const key = targetKey(target);
      this.#note(key, room);
      const text = isShown
        ? await this.#words(home, { room, target })
        : this.#env.say("announce.messages", { n: 1 });
      if (this.#mirror.home.peek() !== home) {
        return;
      }
      // It may be deleted by now.
      if (this.#shown.has(key)) {
        this.#env.notifications.show({ key, title, text, room });
      }
    }
  }

  #note(key: string, room: Id): void {
    this.#shown.set(key, room);
    const [oldest] = this.#shown.keys();
    if (this.#shown.size > SHOWN_MAX && oldest !== undefined) {
      this.#shown.delete(oldest);
    }
  }

  async #words(home: Home, { room, target }: Pick<News, "room" | "target">): Promise<string> {
    const row = await getRow(home.db, room, target);
    const text = row === undefined ? "" : (wordsOf(row.slot) ?? "");
    const name = personName(this.#mirror.people.peek(), target.from);
    return this.#env.say("announce.message", { name, text: text.slice(0, 200) });
  }
}
