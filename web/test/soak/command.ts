/** `ferry` at the command line, as another device of a user. */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { PASSWORD } from "../browser/browser.ts";
import type { Place } from "../browser/servers.ts";

const run = promisify(execFile);

/** What a device says of a message. Two devices that agree say the same, letter for letter. */
export interface Said {
  id: string;
  user: string;
  text: string | null;
  reactions: [string, string[]][];
}

interface Line {
  message?: { id: string; from: { user: string } };
  text: string | null;
  deleted_by: string | null;
  reactions: Record<string, string[]>;
}

export class Command {
  readonly #program: string;
  readonly #folder = mkdtempSync(join(tmpdir(), "ferry-web-command-"));
  readonly #env: NodeJS.ProcessEnv;
  #tail: ChildProcess | undefined;

  constructor(relay: Place) {
    const program = process.env["FERRY_BINARY"];
    if (program === undefined) {
      throw new Error("FERRY_BINARY is not set: it names the program ferry. web/e2e sets it");
    }
    this.#program = program;
    this.#env = {
      HOME: this.#folder,
      FERRY_DATA_DIR: this.#folder,
      FERRY_SERVER: relay.url,
      FERRY_PASSWORD: PASSWORD,
    };
  }

  async logIn(username: string): Promise<void> {
    await this.#run("login", username, "--device-name", "command line");
  }

  /** Stores what comes, until `endTail`. */
  tail(): void {
    this.#tail = spawn(this.#program, ["tail", "--json"], { env: this.#env, stdio: "ignore" });
  }

  async endTail(): Promise<void> {
    const tail = this.#tail;
    if (tail !== undefined && tail.exitCode === null) {
      const ended = new Promise((resolve) => tail.once("exit", resolve));
      tail.kill("SIGINT");
      await ended;
    }
    this.#tail = undefined;
  }

  /** Returns every message of a room as it reads now, in its order. */
  async show(room: string): Promise<Said[]> {
    const lines = (await this.#run("show", room, "-n", "1000000", "--json")).split("\n");
    return lines
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line) as Line)
      .flatMap(({ message, text, deleted_by: by, reactions }) =>
        message === undefined
          ? []
          : [
              {
                id: message.id,
                user: message.from.user,
                text: by === null ? text : null,
                reactions: sorted(Object.entries(reactions)),
              },
            ],
      );
  }

  async remove(): Promise<void> {
    await this.endTail();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #run(...words: string[]): Promise<string> {
    const { stdout } = await run(this.#program, words, { env: this.#env, maxBuffer: 2 ** 30 });
    return stdout;
  }
}

/** Emoji and users have no order of their own. */
export function sorted(reactions: readonly [string, string[]][]): [string, string[]][] {
  return reactions
    .map(([emoji, users]): [string, string[]] => [emoji, users.toSorted()])
    .sort(([one], [other]) => (one < other ? -1 : 1));
}
