/** Says whose presence this tab shows: friends, and members of open and direct rooms. */
import { effect } from "@preact/signals";
import type { Id } from "../core/id.ts";
import { quietly } from "../core/quietly.ts";
import { tabLock } from "../db/changes.ts";
import { membersOf } from "../db/rooms.ts";
import { WATCH_MAX } from "../wire/outgoing.ts";
import type { Env } from "./env.ts";
import type { Mirror } from "./mirror.ts";
import { keyOf } from "./rooms.ts";

export class Watch {
  readonly #mirror: Mirror;
  readonly #open: ReadonlyMap<Id, number>;
  readonly #tab: string;
  #told = "";
  readonly #isThere: Promise<void>;
  readonly #endings: (() => void)[];

  constructor(env: Env, mirror: Mirror, open: ReadonlyMap<Id, number>) {
    this.#mirror = mirror;
    this.#open = open;
    this.#tab = keyOf(env.random(8));
    let leave: () => void = () => undefined;
    const left = new Promise<void>((resolve) => {
      leave = resolve;
    });
    // Who leads waits for the lock, and forgets the tab when it is free. So the tab holds it
    // before it says anything.
    this.#isThere = new Promise((resolve) => {
      quietly(
        env.locks.request(tabLock(this.#tab), {}, () => {
          resolve();
          return left;
        }),
      );
    });
    this.#endings = [
      leave,
      mirror.listen((heard) => {
        if (heard.is === "lead") {
          this.#told = "";
          this.changed();
        } else if (heard.is === "changed" && heard.topics.includes("members")) {
          this.changed();
        }
      }),
      effect(() => {
        mirror.rooms.value;
        mirror.people.value;
        mirror.home.value;
        this.changed();
      }),
    ];
  }

  /** What is shown has changed. */
  changed(): void {
    quietly(this.#tell());
  }

  end(): void {
    for (const end of this.#endings) {
      end();
    }
  }

  async #tell(): Promise<void> {
    await this.#isThere;
    const home = this.#mirror.home.peek();
    if (home === undefined) {
      this.#told = "";
      return;
    }
    const members = await Promise.all([...this.#open.keys()].map((room) => membersOf(home.db, room)));
    const peers = [...this.#mirror.rooms.peek().values()].flatMap(({ peer, isMember }) =>
      peer === undefined || !isMember ? [] : [peer],
    );
    const friends = [...this.#mirror.people.peek().values()].filter(({ friend }) => friend === "friends");
    const all = [...members.flat().map(({ user }) => user), ...peers, ...friends.map(({ id }) => id)];
    const users = [...new Set(all)].filter((user) => user !== home.user).slice(0, WATCH_MAX);
    const told = users.join();
    if (told !== this.#told) {
      this.#told = told;
      home.bus.post({ is: "watch", tab: this.#tab, users });
    }
  }
}
