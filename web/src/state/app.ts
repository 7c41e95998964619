/** Everything that the screens see and may do, over the store and the engine. */
import { signal } from "@preact/signals";
import type { Id } from "../core/id.ts";
import { Uuid7 } from "../core/uuid7.ts";
import { Announcer } from "./announcer.ts";
import { connection } from "./connection.ts";
import type { Env, Home } from "./env.ts";
import { history } from "./history.ts";
import { Mirror } from "./mirror.ts";
import type { App } from "./model.ts";
import { notices } from "./notices.ts";
import { people } from "./people.ts";
import { openRoom } from "./room.ts";
import type { OpenRoom } from "./room-model.ts";
import { rooms } from "./rooms.ts";
import { search } from "./search.ts";
import { session } from "./session.ts";
import { settings } from "./settings.ts";
import { Watch } from "./watch.ts";

export interface RunningApp extends App {
  /** Looks whether somebody is logged in, and shows their store. */
  start(): Promise<void>;
  stop(): void;
}

export function createApp(env: Env): RunningApp {
  const mirror = new Mirror(signal<Home | undefined>(undefined));
  const ids = new Uuid7();
  const open = new Map<Id, number>();
  const its = session(env, mirror);
  const link = connection(env, mirror);
  const choices = settings(env);
  const watch = new Watch(env, mirror, open);
  const announcer = new Announcer(env, mirror, choices, open);
  return {
    session: its,
    connection: link,
    rooms: rooms(env, mirror),
    people: people(env, mirror),
    notices: notices(mirror),
    settings: choices,
    history: history(env, mirror),
    announcement: announcer.text,
    openRoom(room: Id): OpenRoom {
      const home = mirror.home.peek();
      if (home === undefined) {
        throw new Error("nobody is logged in");
      }
      open.set(room, (open.get(room) ?? 0) + 1);
      watch.changed();
      return openRoom(env, mirror, home, ids, room, () => {
        const left = (open.get(room) ?? 1) - 1;
        left > 0 ? open.set(room, left) : open.delete(room);
        watch.changed();
      });
    },
    search: (query) => search(mirror, query),
    reload: () => env.reload(),
    start: () => its.start(),
    stop() {
      its.stop();
      link.end();
      watch.end();
      announcer.end();
    },
  };
}
