/** One version of the page: all its files, in a cache of their own. */
import type { Scope } from "./scope.ts";

export interface Version {
  readonly name: string;
  /** The digest of each file, by its path. */
  readonly files: Readonly<Record<string, string>>;
}

/** The caches of the page begin so, and so does the lock that a page of a version holds. */
export const PREFIX = "ferry-page-";

/** Hexadecimal digits of a digest, as `scripts/offline.ts` writes it. */
const DIGITS = 32;

/**
 * Stores all files of a version. Fails if one is not as it was built: a proxy may have relays of
 * two versions behind it, and a page of two halves would not run.
 */
export async function install(scope: Scope, version: Version): Promise<void> {
  const cache = await scope.caches.open(PREFIX + version.name);
  const paths = Object.keys(version.files);
  await Promise.all(
    paths.map(async (path) => {
      // A name with a hash in it never has other content, so the browser's own cache may answer.
      const mode = path.startsWith("/assets/") ? "default" : "no-cache";
      const request = new Request(scope.location.origin + path, { cache: mode, credentials: "omit" });
      const answer = await scope.fetch(request);
      const content = await answer.clone().arrayBuffer();
      if (!answer.ok || (await digest(scope, content)) !== version.files[path]) {
        throw new Error(`${path} is not of this version`);
      }
      await cache.put(path, answer);
    }),
  );
}

async function digest(scope: Scope, content: ArrayBuffer): Promise<string> {
  const bytes = new Uint8Array(await scope.crypto.subtle.digest("SHA-256", content));
  return [...bytes]
    .map((byte) => byte.toString(16).padStart(2, "0"))
    .join("")
    .slice(0, DIGITS);
}

/**
 * Returns the path of what a version of the page may have, and nothing for anything else: calls of
 * the relay, what changes something, and what is elsewhere.
 */
export function pathOf(
  request: Pick<Request, "method" | "url">,
  origin: string,
  version: Version,
): string | undefined {
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== origin) {
    return undefined;
  }
  // Pages of earlier versions ask for files that this one does not have.
  const isFile = Object.hasOwn(version.files, url.pathname) || url.pathname.startsWith("/assets/");
  return isFile ? url.pathname : undefined;
}

/** Returns a file of this version, else of another one that is still here, else of the relay. */
export async function find(
  scope: Scope,
  version: Version,
  path: string,
  request: Request,
): Promise<Response> {
  const own = await scope.caches.match(path, { cacheName: PREFIX + version.name });
  if (own !== undefined) {
    return own;
  }
  for (const name of await others(scope, version)) {
    const found = await scope.caches.match(path, { cacheName: name });
    if (found !== undefined && path.startsWith("/assets/")) {
      return found;
    }
  }
  return scope.fetch(request);
}

/** Forgets versions that no open page shows. A page holds a lock with the name of its cache. */
export async function tidy(scope: Scope, version: Version): Promise<void> {
  const locks = await scope.navigator.locks?.query();
  if (locks === undefined) {
    return;
  }
  const shown = new Set([...(locks.held ?? []), ...(locks.pending ?? [])].map(({ name }) => name));
  for (const name of await others(scope, version)) {
    if (!shown.has(name)) {
      await scope.caches.delete(name);
    }
  }
}

async function others(scope: Scope, version: Version): Promise<string[]> {
  const names = await scope.caches.keys();
  return names.filter((name) => name.startsWith(PREFIX) && name !== PREFIX + version.name);
}
