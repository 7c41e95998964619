/** A page with its state and its engine, at a fake relay. */
import { Accounts } from "../../src/db/accounts.ts";
import { Bus } from "../../src/db/changes.ts";
import { EngineRun } from "../../src/engine/run.ts";
import { createApp, type RunningApp } from "../../src/state/app.ts";
import type { EnginePlan, Env } from "../../src/state/env.ts";
import { Http } from "../../src/wire/http.ts";
import { fetchOf, type Losses } from "./calls.ts";
import type { FakeRelay, Jar } from "./relay.ts";
import { Channels, FakeLocks } from "./tabs.ts";
import type { ManualTime } from "./time.ts";

/** One browser: its cookies, and what its tabs share. */
export class Browser {
  readonly relay: FakeRelay;
  readonly time: ManualTime;
  readonly jar: Jar = { device: undefined, accessUntil: 0, refresh: 1, generation: 1 };
  readonly locks = new FakeLocks();
  readonly #channels = new Map<string, Channels>();
  readonly pages: Page[] = [];
  /** What does not work in this browser. */
  readonly broken = new Set<"secure" | "storage" | "full" | "cookies">();
  settings: string | undefined;
  /** The answers to calls of its pages that get lost. */
  readonly losses: Losses = {};

  constructor(relay: FakeRelay) {
    this.relay = relay;
    this.time = relay.time;
  }

  channels(name: string): Channels {
    const known = this.#channels.get(name) ?? new Channels();
    this.#channels.set(name, known);
    return known;
  }

  async page(): Promise<Page> {
    const page = new Page(this);
    this.pages.push(page);
    await page.app.start();
    return page;
  }

  async end(): Promise<void> {
    for (const { app } of this.pages) {
      app.stop();
    }
    await this.time.advance(0);
    const names = (await indexedDB.databases()).flatMap(({ name }) => name ?? []);
    await Promise.all(
      names.map(
        (name) =>
          new Promise<void>((resolve) => {
            const request = indexedDB.deleteDatabase(name);
            request.onsuccess = () => resolve();
            request.onblocked = () => resolve();
            request.onerror = () => resolve();
          }),
      ),
    );
    this.relay.assertSound();
  }
}

export class Page {
  readonly app: RunningApp;
  isVisible = true;
  isFocused = true;
  readonly notes: { title: string; text: string }[] = [];
  /** The rooms whose notifications were closed. */
  readonly closed: string[] = [];
  /** What its engine was started with last. */
  engine: EnginePlan | undefined;
  /** How often the browser was asked to keep what is stored. */
  persists = 0;
  #attentive = new Set<(why: "attention" | "online") => void>();
  #chance = 0;

  constructor(browser: Browser) {
    this.app = createApp(this.#env(browser));
  }

  /** The user looks here, or elsewhere. */
  look(isVisible: boolean): void {
    this.isVisible = isVisible;
    this.isFocused = isVisible;
    for (const listener of [...this.#attentive]) {
      listener("attention");
    }
  }

  #env(browser: Browser): Env {
    const { relay, jar, time, locks, broken } = browser;
    return {
      fetch: fetchOf(relay, jar, browser.losses),
      timeout: () => new AbortController().signal,
      locks,
      channel: (name) => browser.channels(name).open(),
      grounds: {
        isSecure: () => !broken.has("secure"),
        tryStorage: async () => {
          if (broken.has("storage")) {
            throw new DOMException("no", "SecurityError");
          }
          if (broken.has("full")) {
            throw new DOMException("full", "QuotaExceededError");
          }
        },
        tryCookie: () => !broken.has("cookies"),
      },
      startEngine: (plan) => {
        this.engine = plan;
        const accounts = new Accounts();
        const run = new EngineRun({
          self: { user: plan.user, device: plan.device },
          http: new Http(
            fetchOf(relay, jar),
            () => new AbortController().signal,
            () => accounts.holds(plan, locks),
          ),
          open: relay.opener(jar),
          locks,
          bus: new Bus(browser.channels(`ferry-${plan.user}`).open()),
          timers: time,
          host: { refresh: (at) => plan.refresh(at) },
          isVisible: plan.isVisible,
          onState: (state) => plan.onState(state),
        });
        void run.start();
        return {
          visibility: (isVisible) => run.visibility(isVisible),
          tryNow: () => run.tryNow(),
          stop: () => {
            run.stop();
            void accounts.close();
          },
        };
      },
      now: () => time.now(),
      steady: () => time.steady(),
      set: (work, wait) => time.set(work, wait),
      clear: (timer) => time.clear(timer),
      random: (bytes) => {
        this.#chance += 1;
        return Uint8Array.from(
          { length: bytes },
          (_, at) => (this.#chance * 31 + at * 7 + browser.pages.length) & 0xff,
        );
      },
      isVisible: () => this.isVisible,
      isFocused: () => this.isFocused,
      onAttention: (listener) => {
        this.#attentive.add(listener);
        return () => this.#attentive.delete(listener);
      },
      reload: () => undefined,
      deviceName: () => "test browser",
      settings: {
        get: () => browser.settings,
        set: (text) => {
          browser.settings = text;
        },
      },
      storage: {
        estimate: async () => ({ usage: 1_000, quota: 10_000 }),
        isPersisted: async () => false,
        persist: async () => {
          this.persists += 1;
          return true;
        },
        isEphemeral: () => false,
      },
      notifications: {
        state: () => "on",
        ask: async () => true,
        show: ({ title, text }) => this.notes.push({ title, text }),
        close: (room) => this.closed.push(room),
      },
      say: (key, values) => `${key} ${JSON.stringify(values)}`,
      version: "0.0.0",
      server: "http://relay.test",
    };
  }
}
