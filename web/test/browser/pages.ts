/** Versions of the page, and a relay that serves now this one and now another. */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from "node:http";
import { connect, type Socket } from "node:net";
import { extname, join } from "node:path";
import { build, type Plugin } from "vite";
import { until } from "./deadline.ts";
import type { Place } from "./servers.ts";

const WEB = join(import.meta.dirname, "../..");
const TYPES: Record<string, string> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".webmanifest": "application/manifest+json",
  ".svg": "image/svg+xml",
  ".png": "image/png",
};

/** A build of the page. */
export interface Built {
  readonly folder: string;
  readonly version: string;
}

/** What another version of the sources has in place of a text. */
export interface Change {
  file: string;
  from: RegExp;
  to: string;
}

/** Builds the page as it is now, or with changes. A later build is a newer version. */
export async function buildPage(folder: string, changes: readonly Change[] = []): Promise<Built> {
  const left = new Set(changes);
  const changing: Plugin = {
    name: "ferry-changes",
    enforce: "pre",
    transform(code, id) {
      const its = changes.filter(({ file, from }) => id.endsWith(file) && from.test(code));
      for (const change of its) {
        left.delete(change);
      }
      return its.length === 0 ? null : its.reduce((text, { from, to }) => text.replace(from, to), code);
    },
  };
  await build({
    configFile: join(WEB, "vite.config.ts"),
    logLevel: "error",
    build: { outDir: folder, emptyOutDir: true },
    plugins: [changing],
    // The engine is built by itself.
    worker: { plugins: () => [changing] },
  });
  if (left.size > 0) {
    throw new Error(`the sources have no ${[...left].map(({ from }) => from).join(", ")}`);
  }
  const page = readFileSync(join(folder, "index.html"), "utf8");
  const version = /name="ferry-version" content="([^"]+)"/.exec(page)?.[1] ?? "";
  // Versions have the second of their build.
  await until("the next second", () => Date.now() / 1_000 > Number(version.slice(0, 10)) + 1 || undefined);
  return { folder, version };
}

/** A relay whose page is one of several builds. Everything else is the relay's. */
export class Front implements Place {
  readonly url: string;
  /** Returns the build that answers, for a path of the page. `undefined`: the relay has no page. */
  pages: (path: string) => Built | undefined;
  /** Paths that are not found. */
  readonly missing = new Set<string>();
  /** What is at `/sw.js` of a relay without a page. */
  farewell = "";
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #isAway = false;

  private constructor(server: Server, port: number, pages: (path: string) => Built) {
    this.#server = server;
    this.url = `http://127.0.0.1:${port}`;
    this.pages = pages;
  }

  static async to(relay: Place, built: Built): Promise<Front> {
    const its = (await fetch(relay.url)).headers;
    const headers = Object.fromEntries(
      [...its].filter(([name]) => /^(content-security|cross-origin|permissions|referrer|x-)/.test(name)),
    );
    const server = createServer();
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    const front = new Front(server, typeof address === "object" ? (address?.port ?? 0) : 0, () => built);
    const to = new URL(relay.url);
    server.on("request", (asked, answer) => front.#answer(asked, answer, to, headers));
    server.on("upgrade", (asked, near: Socket, head) => front.#pass(asked, near, head, to));
    return front;
  }

  /** The relay is away for as long as `work` takes. */
  async without(work: () => Promise<unknown>): Promise<void> {
    this.#isAway = true;
    this.#breakSockets();
    await work();
    this.#isAway = false;
  }

  #breakSockets(): void {
    for (const socket of this.#sockets) {
      socket.destroy();
    }
  }

  remove(): void {
    this.#breakSockets();
    this.#server.closeAllConnections();
    this.#server.close();
  }

  #answer(asked: IncomingMessage, answer: ServerResponse, to: URL, headers: Record<string, string>): void {
    const path = new URL(asked.url ?? "/", this.url).pathname;
    if (this.#isAway) {
      answer.destroy();
      return;
    }
    if (path.startsWith("/v1/")) {
      const { method = "GET", headers: sent } = asked;
      const passed = request(
        { host: to.hostname, port: to.port, path: asked.url, method, headers: sent },
        (its) => {
          answer.writeHead(its.statusCode ?? 502, its.headers);
          its.pipe(answer);
        },
      );
      passed.on("error", () => answer.destroy());
      asked.pipe(passed);
      return;
    }
    const built = this.pages(path);
    const file = path === "/" ? "index.html" : path.slice(1);
    try {
      if (this.missing.has(path)) {
        throw new Error("missing");
      }
      const isFarewell = built === undefined && path === "/sw.js";
      const content = isFarewell ? this.farewell : readFileSync(join(built?.folder ?? "none", file));
      const cache = path.startsWith("/assets/") ? "public, max-age=31536000, immutable" : "no-cache";
      answer.writeHead(200, {
        ...headers,
        "content-type": TYPES[extname(file)] ?? "application/octet-stream",
        "cache-control": cache,
      });
      answer.end(content);
    } catch {
      answer.writeHead(404, { ...headers, "content-type": "application/problem+json" }).end("{}");
    }
  }

  #pass(asked: IncomingMessage, near: Socket, head: Buffer, to: URL): void {
    if (this.#isAway) {
      near.destroy();
      return;
    }
    const far = connect(Number(to.port), to.hostname, () => {
      const lines = [`${asked.method} ${asked.url} HTTP/1.1`];
      for (let at = 0; at < asked.rawHeaders.length; at += 2) {
        lines.push(`${asked.rawHeaders[at]}: ${asked.rawHeaders[at + 1]}`);
      }
      far.write(`${lines.join("\r\n")}\r\n\r\n`);
      far.write(head);
      near.pipe(far).pipe(near);
    });
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      this.#sockets.add(one);
      one.on("error", () => other.destroy());
      one.on("close", () => {
        this.#sockets.delete(one);
        other.destroy();
      });
    }
  }
}
