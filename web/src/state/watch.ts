/** Says whose presence this tab shows: friends, and members of open and direct rooms. */
import { effect } from "@preact/signals";
import type { Id } from "../core/id.ts";
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
  readonly #endings: (() => void)[];

  constructor(env: Env, mirror: Mirror, open: ReadonlyMap<Id, number>) {
    this.#mirror = mirror;
    this.#open = open;
    this.#tab = keyOf(env.random(8));
    this.#endings = [
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
    void this.#tell().catch(() => undefined);
  }

  end(): void {
    for (const end of this.#endings) {
      end();
    }
  }

  async #tell(): Promise<void> {
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
