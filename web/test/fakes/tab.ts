/** A tab with its engine, at a fake relay. */

import { textDraft } from "../../src/core/draft.ts";
import { Bus, type EngineState } from "../../src/db/changes.ts";
import { enqueue } from "../../src/db/outbox.ts";
import { type Db, openDb } from "../../src/db/schema.ts";
import { Engine } from "../../src/engine/engine.ts";
import { refreshTokens } from "../../src/session/refresh.ts";
import { Http } from "../../src/wire/http.ts";
import { sendFrame } from "../../src/wire/outgoing.ts";
import { fetchOf } from "./calls.ts";
import { BOB, BOBS_DEVICE, idOf, ME, MY_DEVICE, ROOM } from "./ids.ts";
import { FakeRelay, type Jar, jarOf } from "./relay.ts";
import { Channels, FakeLocks } from "./tabs.ts";
import { ManualTime, settled } from "./time.ts";

/** A browser with one login, and what its tabs share. */
export class World {
  readonly time = new ManualTime();
  readonly relay = new FakeRelay(this.time);
  readonly locks = new FakeLocks();
  readonly channels = new Channels();
  readonly jar: Jar;
  readonly tabs: Tab[] = [];

  constructor() {
    this.relay.addUser(ME, "me");
    this.relay.addUser(BOB, "bob");
    this.relay.addDevice(MY_DEVICE, ME);
    this.relay.addDevice(BOBS_DEVICE, BOB);
    this.relay.addRoom(ROOM, "group", { [ME]: "owner", [BOB]: "member" }, "trip");
    this.jar = jarOf(this.relay, MY_DEVICE);
  }

  async tab(isVisible = true): Promise<Tab> {
    const db = await openDb(ME, { onOutdated: () => undefined });
    const tab = new Tab(this, db, isVisible);
    this.tabs.push(tab);
    return tab;
  }

  async end(): Promise<void> {
    for (const tab of this.tabs) {
      tab.end();
    }
    await this.time.advance(0);
    await new Promise<void>((resolve, reject) => {
      const request = indexedDB.deleteDatabase(`ferry-${ME}`);
      request.onsuccess = () => resolve();
      request.onerror = () => reject(request.error);
    });
    this.relay.assertSound();
  }
}

/** Waits until something is so, in the time of this machine. The clock of the test stands still. */
export async function until(what: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (!(await what())) {
    if (Date.now() > deadline) {
      throw new Error(`it did not come about: ${what}`);
    }
    await settled();
  }
}

export class Tab {
  readonly db: Db;
  readonly bus: Bus;
  readonly http: Http;
  readonly engine: Engine;
  readonly states: EngineState[] = [];
  refreshes = 0;
  #last = 0;

  constructor(world: World, db: Db, isVisible: boolean) {
    this.db = db;
    this.bus = new Bus(world.channels.open());
    const { time, relay, jar, locks } = world;
    this.http = new Http(fetchOf(relay, jar), () => new AbortController().signal);
    this.engine = new Engine({
      db,
      self: { user: ME, device: MY_DEVICE },
      http: this.http,
      open: relay.opener(jar),
      locks,
      bus: this.bus,
      timers: time,
      host: {
        refresh: (expiresAt) => {
          this.refreshes += 1;
          return refreshTokens(
            { http: this.http, db, locks, now: () => time.now(), isOwn: async () => true },
            expiresAt,
          );
        },
      },
      isVisible,
      onState: (state) => this.states.push(state),
    });
  }

  start(): this {
    this.engine.start();
    return this;
  }

  get state(): EngineState | undefined {
    return this.states.at(-1);
  }

  /** Writes a message, as the page does. */
  async write(body: string): Promise<string> {
    this.#last += 1;
    const id = idOf(0x7000_0000 + this.#last);
    await enqueue(this.db, { id, room: ROOM, frame: sendFrame(textDraft(body), id, ROOM), at: 1 }, true);
    this.bus.changed("outbox");
    return id;
  }

  /** The texts of the room, in their order. */
  async texts(): Promise<unknown[]> {
    const rows = await this.db.getAllFromIndex("messages", "place");
    return rows.map(({ slot }) => slot.message?.body);
  }

  end(): void {
    this.engine.stop();
    this.bus.close();
    this.db.close();
  }
}
