/** The servers that the tests start, each on a free port of this machine, and end. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { get, type IncomingMessage } from "node:http";
import { connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { until } from "./deadline.ts";

const ROOT = join(import.meta.dirname, "../../..");

/** A relay alone, with SQLite and queues in memory; or one over PostgreSQL and nsqd. */
export type Backend = "alone" | "cluster";
export const BACKENDS: Backend[] = ["alone", "cluster"];

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") {
    throw new Error("there is no free port");
  }
  return address.port;
}

async function isOk(url: string): Promise<boolean> {
  const answer = await fetch(url).catch(() => undefined);
  await answer?.body?.cancel();
  return answer?.ok ?? false;
}

function fromEnvironment(name: string, what: string): string {
  const value = process.env[name];
  if (value === undefined || value === "") {
    throw new Error(`${name} is not set: it names ${what}. web/e2e sets it`);
  }
  return value;
}

/** One program that runs. Its files go when it ends. */
class Program {
  readonly folder: string;
  readonly #log: string;
  #child: ChildProcess | undefined;

  readonly name: string;

  constructor(name: string) {
    this.name = name;
    this.folder = mkdtempSync(join(tmpdir(), `ferry-web-${name}-`));
    this.#log = join(this.folder, "log");
  }

  start(program: string, words: string[], environment: Record<string, string> = {}): void {
    const log = openSync(this.#log, "a");
    // Nothing of the machine's own settings.
    this.#child = spawn(program, words, { stdio: ["ignore", log, log], env: environment, cwd: this.folder });
  }

  get log(): string {
    return readFileSync(this.#log, "utf8");
  }

  /** Fails if the program has ended by itself. */
  check(): void {
    if (this.#child?.exitCode !== null || this.#child.signalCode !== null) {
      throw new Error(`${this.name} ended: ${this.log.slice(-2_000)}`);
    }
  }

  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  async end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    if (child !== undefined && child.exitCode === null && child.signalCode === null) {
      const ended = once(child, "exit");
      child.kill(signal);
      await ended;
    }
  }

  async remove(): Promise<void> {
    await this.end("SIGKILL");
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Where a browser finds a relay. */
export interface Place {
  readonly url: string;
}

/** The network between a browser and its relay. */
export class Line implements Place {
  readonly url: string;
  readonly #server: Server;
  readonly #sockets: Set<Socket>;
  readonly #is: { cut: boolean };

  private constructor(server: Server, sockets: Set<Socket>, is: { cut: boolean }, port: number) {
    this.#server = server;
    this.#sockets = sockets;
    this.#is = is;
    this.url = `http://127.0.0.1:${port}`;
  }

  static async to(port: number): Promise<Line> {
    const sockets = new Set<Socket>();
    const is = { cut: false };
    const server = createServer((near) => {
      if (is.cut) {
        near.destroy();
        return;
      }
      const far = connect(port, "127.0.0.1");
      for (const [one, other] of [
        [near, far],
        [far, near],
      ] as const) {
        sockets.add(one);
        one.setNoDelay(true);
        one.pipe(other);
        one.on("error", () => other.destroy());
        one.on("close", () => {
          sockets.delete(one);
          other.destroy();
        });
      }
    });
    const own = await freePort();
    server.listen(own, "127.0.0.1");
    await once(server, "listening");
    return new Line(server, sockets, is, own);
  }

  /** Nothing passes any more, and what was open is broken. */
  cut(): void {
    this.#is.cut = true;
    for (const socket of this.#sockets) {
      socket.destroy();
    }
  }

  mend(): void {
    this.#is.cut = false;
  }

  remove(): void {
    this.cut();
    this.#server.close();
  }
}

/** A relay, with all that it needs. It keeps its address when it starts again. */
export class Relay implements Place {
  readonly url: string;
  readonly #relay = new Program("relay");
  readonly #port: number;
  readonly #flags: string[];
  #nsqd: Program | undefined;
  readonly #lines: Line[] = [];

  private constructor(port: number, flags: string[]) {
    this.#port = port;
    this.#flags = flags;
    this.url = `http://127.0.0.1:${port}`;
  }

  static async start(backend: Backend, flags: string[] = []): Promise<Relay> {
    const relay = new Relay(await freePort(), [...flags]);
    await (backend === "alone" ? relay.#useFile() : relay.#useCluster());
    await relay.restart();
    return relay;
  }

  #useFile(): void {
    this.#flags.push("--database", `sqlite://${join(this.#relay.folder, "ferry.db")}`);
  }

  async #useCluster(): Promise<void> {
    const postgres = fromEnvironment("FERRY_TEST_POSTGRES", "a PostgreSQL for tests");
    const database = `web_${process.pid}_${this.#port}`;
    execFileSync("psql", [
      "-q",
      "-d",
      postgres,
      "-c",
      `CREATE DATABASE ${database} ENCODING 'UTF8' TEMPLATE template0`,
    ]);
    const url = new URL(postgres);
    url.pathname = `/${database}`;
    const nsqd = new Program("nsqd");
    this.#nsqd = nsqd;
    const [tcp, http] = [await freePort(), await freePort()];
    nsqd.start(join(ROOT, "target/nsq/nsqd"), [
      `-config=${join(ROOT, "nsq.conf")}`,
      `-tcp-address=127.0.0.1:${tcp}`,
      `-http-address=127.0.0.1:${http}`,
      `-data-path=${nsqd.folder}`,
    ]);
    await until("nsqd answers", () => isOk(`http://127.0.0.1:${http}/ping`));
    this.#flags.push("--database", url.href, "--nsqd", `127.0.0.1:${tcp}/${http}`);
  }

  /** The socket at which operators reach it. */
  get #operators(): string {
    return join(this.#relay.folder, "admin.sock");
  }

  /** Starts it, and waits until it is ready. `program` is another build of it. */
  async restart(program = fromEnvironment("FERRY_BINARY", "the program ferry")): Promise<void> {
    const cheap = [
      "--argon2-memory",
      "64",
      "--argon2-iterations",
      "1",
      "--no-rate-limits",
      "--default-add",
      "anybody",
    ];
    const places = ["--listen", `127.0.0.1:${this.#port}`, "--admin-listen", `unix:${this.#operators}`];
    this.#relay.start(program, ["serve", ...places, ...cheap, ...this.#flags], {
      FERRY_LOG: "info",
    });
    await until("the relay is ready", () => {
      this.#relay.check();
      return isOk(`${this.url}/readyz`);
    });
  }

  /** Stops it as an operator does, or kills it as a crash would. */
  async stop(signal: "SIGTERM" | "SIGKILL" = "SIGTERM"): Promise<void> {
    await this.#relay.end(signal);
  }

  /** It keeps its connections and answers nothing, until `SIGCONT`. */
  signal(signal: "SIGSTOP" | "SIGCONT"): void {
    this.#relay.signal(signal);
  }

  get log(): string {
    return this.#relay.log;
  }

  /** What it counts, by name. Counters with labels are summed. */
  async metrics(): Promise<Map<string, number>> {
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      get({ socketPath: this.#operators, path: "/metrics" }, resolve).on("error", reject);
    });
    if (answer.statusCode !== 200) {
      throw new Error(`the relay answers ${answer.statusCode} in place of metrics`);
    }
    const sums = new Map<string, number>();
    for (const [, name = "", value] of (await text(answer)).matchAll(/^(\w+)(?:\{.*\})? (\S+)$/gm)) {
      sums.set(name, (sums.get(name) ?? 0) + Number(value));
    }
    return sums;
  }

  /** Makes a way to the relay that can be cut. */
  async line(): Promise<Line> {
    const line = await Line.to(this.#port);
    this.#lines.push(line);
    return line;
  }

  async remove(): Promise<void> {
    for (const line of this.#lines) {
      line.remove();
    }
    await this.#relay.remove();
    await this.#nsqd?.remove();
  }
}
