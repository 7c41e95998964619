// Writes the version of the page into its service worker, when everything else is built.
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative, sep } from "node:path";
import type { Plugin } from "vite";

/** The page and its service worker have this where the version belongs. */
const MARK = "__FERRY_VERSION__";
/** In the service worker it is a text, in whatever quotes the minifier writes. */
const QUOTED = new RegExp(`["'\`]${MARK}["'\`]`);
const WORKER = "sw.js";
/** Hexadecimal digits of a digest, as `src/offline/store.ts` reads it. */
const DIGITS = 32;

/** When a file is stored: see `Version` in `src/offline/version.ts`. `none`: only the system has it. */
export type Part = "first" | "later" | "asked" | "none" | { language: string };
/** Modules that are loaded lazily and not needed at once. Everything else is stored at first. */
const MODULES: Record<string, Part> = {
  "src/state/backup-work.ts": "later",
  "src/ui/settings/export-dialog.tsx": "later",
  "src/ui/settings/import-dialog.tsx": "later",
  // Nobody turns a second factor on without the network.
  "src/ui/settings/second-factor-set-up.tsx": "asked",
  "src/ui/settings/qr-code.tsx": "asked",
  // Who looks for texts that are not translated has the network.
  "src/i18n/pseudo.ts": "asked",
  "virtual:emoji-en": { language: "en" },
  "virtual:emoji-ru": { language: "ru" },
};
const FILES: Record<string, Part> = {
  // Notifications show these.
  "icons/icon-192.png": "later",
  "icons/note.png": "later",
  // The system has them once the page is installed.
  "icons/icon-512.png": "none",
  "icons/maskable-512.png": "none",
  "icons/apple-touch.png": "none",
};

/** The parts of a version by the paths of their files, as `MODULES` and `FILES` say. */
export type PartOf = ReadonlyMap<string, Part>;

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

/** Returns the part of each file that is not stored at first. */
export function partsOf(chunks: readonly { fileName: string; module: string | null }[]): PartOf {
  const parts = new Map(Object.entries(FILES));
  for (const [module, part] of Object.entries(MODULES)) {
    const chunk = chunks.find((each) => each.module?.replace("\0", "").endsWith(module));
    if (chunk === undefined) {
      throw new Error(`scripts/offline.ts names ${module}, and no file of the page begins with it`);
    }
    parts.set(chunk.fileName, part);
  }
  return parts;
}

/**
 * Names the version by everything that it has, so that another page is another version. Of two
 * versions the one that was built later sorts last. The page that relays are compiled with now keeps
 * its time, so that it can be built again.
 */
export function writeVersion(folder: string, parts: PartOf, known: string | undefined, now: number): void {
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
  const lacking = [...parts.keys()].filter((path) => !files.has(path));
  if (lacking.length > 0) {
    throw new Error(`scripts/offline.ts names ${lacking.join(", ")}, and the page has no such file`);
  }
  const digests = [...files].map(([path, content]): [string, string] => [path, digest(content)]);
  const name = nameOf(digest(JSON.stringify([digests, [...parts], worker])).slice(0, 16), known, now);
  const stamped = page.replaceAll(MARK, name);
  writeFileSync(join(folder, "index.html"), stamped);
  const those = (isOf: (part: Part) => boolean) =>
    Object.fromEntries(
      digests
        .filter(([path]) => isOf(parts.get(path) ?? "first"))
        .map(([path, hash]) => (path === "index.html" ? ["/", digest(stamped)] : [`/${path}`, hash])),
    );
  const languages = [...parts.values()].flatMap((part) => (typeof part === "object" ? [part.language] : []));
  const version = {
    name,
    first: those((part) => part === "first"),
    later: those((part) => part === "later"),
    spoken: Object.fromEntries(
      languages.map((tag) => [tag, those((part) => typeof part === "object" && part.language === tag)]),
    ),
    asked: those((part) => part === "asked"),
  };
  const text = JSON.stringify(JSON.stringify(version));
  writeFileSync(
    join(folder, WORKER),
    worker.replace(QUOTED, () => text),
  );
}

/**
 * Returns the seconds, in ten digits, and the digest. `known` is a text with the name of the version
 * that relays have now, and with several after a merge. A clock that is behind does not make an
 * older version.
 */
function nameOf(its: string, known = "", now: number): string {
  const names = [...known.matchAll(/\b(\d{10})-([0-9a-f]{16})\b/g)].map(([, time, hash]) => ({ time, hash }));
  const same = names.length === 1 && names[0]?.hash === its ? names[0].time : undefined;
  const last = Math.max(0, ...names.map(({ time }) => Number(time)));
  return `${same ?? String(Math.max(last + 1, Math.floor(now / 1_000))).padStart(10, "0")}-${its}`;
}

/** `known` is a file that `scripts/dist.mjs` writes. */
export function offline(known: string): Plugin {
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
      handler({ dir }, bundle) {
        if (isPage && dir !== undefined) {
          const chunks = Object.values(bundle).flatMap((file) =>
            file.type === "chunk" ? [{ fileName: file.fileName, module: file.facadeModuleId }] : [],
          );
          const last = existsSync(known) ? readFileSync(known, "utf8") : undefined;
          writeVersion(dir, partsOf(chunks), last, Date.now());
        }
      },
    },
  };
}
