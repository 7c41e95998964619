/** A browser with a profile on the disk: what it stores is written as on a user's machine. */
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type BrowserContext, chromium, type Page } from "playwright-core";
import { PROGRAM, watchFaults } from "./browser.ts";
import { until } from "./deadline.ts";
import type { Place } from "./servers.ts";

/** The clock ticks of Linux in a second. */
const TICKS = 100;

interface Process {
  pid: number;
  parent: number;
  command: string;
  /** The time it has worked, in seconds. */
  worked: number;
}

export class Profile {
  readonly folder: string;
  readonly #flags: string[];
  readonly #isOwn: boolean;
  #context: BrowserContext | undefined;

  /** Without a folder it makes one, and removes it at the end. */
  constructor({ flags = [], folder }: { flags?: string[]; folder?: string } = {}) {
    this.#flags = flags;
    this.#isOwn = folder === undefined;
    this.folder = folder ?? mkdtempSync(join(tmpdir(), "ferry-web-profile-"));
  }

  /** Starts the browser. What a page must not do fails the test that calls `useBrowser`. */
  async start(relay: Place): Promise<BrowserContext> {
    const context = await chromium.launchPersistentContext(this.folder, {
      ...PROGRAM,
      args: [...PROGRAM.args, ...this.#flags],
      viewport: { width: 1440, height: 900 },
      locale: "en-GB",
      timezoneId: "UTC",
    });
    watchFaults(context, relay.url);
    this.#context = context;
    return context;
  }

  get context(): BrowserContext {
    if (this.#context === undefined) {
      throw new Error("the browser of this profile does not run");
    }
    return this.#context;
  }

  async stop(): Promise<void> {
    await this.#context?.close();
    this.#context = undefined;
  }

  /** Kills the browser, as a crash would. */
  async kill(): Promise<void> {
    const { pid } = this;
    process.kill(pid, "SIGKILL");
    await until("the browser is dead", () => {
      try {
        process.kill(pid, 0);
        return undefined;
      } catch {
        return true;
      }
    });
    await this.#context?.close().catch(() => undefined);
    this.#context = undefined;
  }

  /** The browser itself. The lock of a profile names its process. */
  get pid(): number {
    return Number(/-(\d+)$/.exec(readlinkSync(join(this.folder, "SingletonLock")))?.[1]);
  }

  /** The processes of the pages, with their workers. */
  renderers(): Process[] {
    const all = processes();
    const isOurs = (one: Process | undefined): boolean =>
      one !== undefined &&
      (one.pid === this.pid || isOurs(all.find(({ pid }) => pid === one.parent && pid !== one.pid)));
    return all.filter((one) => one.command.includes("--type=renderer") && isOurs(one));
  }

  /** The process of a page: the one that works when the page does. */
  async rendererOf(page: Page): Promise<number> {
    return until("one process works for the page", async () => {
      const before = new Map(this.renderers().map(({ pid, worked }) => [pid, worked]));
      await page.evaluate(() => {
        const end = performance.now() + 1_000;
        while (performance.now() < end);
      });
      const grown = this.renderers()
        .map(({ pid, worked }) => ({ pid, by: worked - (before.get(pid) ?? worked) }))
        .sort((one, other) => other.by - one.by);
      const [most, next] = grown;
      return most !== undefined && most.by >= 0.1 && most.by >= 3 * (next?.by ?? 0) ? most.pid : undefined;
    });
  }

  async remove(): Promise<void> {
    await this.stop();
    if (this.#isOwn) {
      rmSync(this.folder, { recursive: true, force: true });
    }
  }
}

/** Every process of this machine that can be read. */
function processes(): Process[] {
  return readdirSync("/proc").flatMap((name) => {
    if (!/^\d+$/.test(name)) {
      return [];
    }
    try {
      const command = readFileSync(`/proc/${name}/cmdline`, "utf8").replaceAll("\0", " ");
      // The name of the program, in parentheses, may have blanks.
      const fields = readFileSync(`/proc/${name}/stat`, "utf8")
        .replace(/^.*\) /, "")
        .split(" ");
      const worked = (Number(fields[11]) + Number(fields[12])) / TICKS;
      return [{ pid: Number(name), parent: Number(fields[1]), command, worked }];
    } catch {
      // It has ended meanwhile.
      return [];
    }
  });
}
