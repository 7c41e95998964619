// Writes the version of the page into its service worker, when everything else is built.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative, sep } from "node:path";
import type { Plugin } from "vite";

/** The page and its service worker have this where the version belongs. */
const MARK = "__FERRY_VERSION__";
/** In the service worker it is a text, in whatever quotes the minifier writes. */
const QUOTED = new RegExp(`["'\`]${MARK}["'\`]`);
const WORKER = "sw.js";
/** Hexadecimal digits of a digest, as `src/offline/version.ts` reads it. */
const DIGITS = 32;

function digest(content: string | Buffer): string {
  return createHash("sha256").update(content).digest("hex").slice(0, DIGITS);
}

/** Returns the files of a folder, by their paths in a URL. */
function contents(folder: string): Map<string, Buffer> {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  const paths = entries.map((entry) =>
    relative(folder, join(entry.parentPath, entry.name)).split(sep).join("/"),
  );
  return new Map(paths.sort().map((path) => [path, readFileSync(join(folder, path))]));
}

/** Names the version by everything that it has, so that another page is another version. */
export function writeVersion(folder: string): void {
  const files = contents(folder);
  const worker = files.get(WORKER)?.toString();
  const page = files.get("index.html")?.toString();
  if (
    worker === undefined ||
    !QUOTED.test(worker) ||
    page?.includes(MARK) !== true ||
    /\bimport\b|\bexport\b/.test(worker)
  ) {
    throw new Error(`${WORKER} or index.html is not as scripts/offline.ts expects it`);
  }
  files.delete(WORKER);
  const digests = [...files].map(([path, content]) => [path, digest(content)]);
  const name = digest(JSON.stringify([digests, worker])).slice(0, 16);
  const stamped = page.replaceAll(MARK, name);
  writeFileSync(join(folder, "index.html"), stamped);
  const table = Object.fromEntries(
    digests.map(([path, hash]) => (path === "index.html" ? ["/", digest(stamped)] : [`/${path}`, hash])),
  );
  const version = JSON.stringify(JSON.stringify({ name, files: table }));
  writeFileSync(
    join(folder, WORKER),
    worker.replace(QUOTED, () => version),
  );
}

export function offline(): Plugin {
  let isPage = false;
  return {
    name: "ferry-offline",
    apply: "build",
    // The stories have the same plugins and another root.
    config(config) {
      isPage = config.root === undefined;
      return isPage
        ? {
            build: {
              rollupOptions: {
                input: { index: "index.html", sw: "src/sw.ts" },
                output: {
                  entryFileNames: ({ name }) => (name === "sw" ? WORKER : "assets/[name]-[hash].js"),
                },
              },
            },
          }
        : {};
    },
    writeBundle: {
      order: "post",
      handler({ dir }) {
        if (isPage && dir !== undefined) {
          writeVersion(dir);
        }
      },
    },
  };
}
