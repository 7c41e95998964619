/** The files of the page in the caches of the browser: a cache for each version. */
import type { Scope } from "./scope.ts";
import { digestOf, FILLING, type Files, PREFIX, type Version } from "./version.ts";

/** Hexadecimal digits of a digest, as `scripts/offline.ts` writes it. */
const DIGITS = 32;
/** It is stored last, so a version that has it is whole. */
const PAGE = "/";
/** In the cache of a version: when the relay had an older one for the first time. */
const SUPERSEDED = "/superseded";
/**
 * An upgrade of several relays is over by then, in milliseconds. If it takes longer, a page may be
 * offered the older version, and then the newer one again.
 */
export const UPGRADE_MAX = 3_600_000;

/**
 * Stores what a start needs. Fails if a file is not as it was built: a proxy may have relays of
 * two versions behind it, and a page of two halves would not run. Fails too if a newer version is
 * here and the relays may still have it.
 */
export async function install(scope: Scope, version: Version, now: number): Promise<void> {
  const newer = await newestOf(scope, version);
  if (newer !== undefined && !(await isTakenBack(scope, newer, now))) {
    throw new Error(`${newer} is newer than ${version.name}`);
  }
  await filling(scope, version, async () => {
    const { [PAGE]: _page, ...others } = version.first;
    await Promise.all(Object.keys(others).map((path) => keep(scope, version, path)));
    await keep(scope, version, PAGE);
    await (await cacheOf(scope, version.name)).delete(SUPERSEDED);
  });
}

/** Stores what is still missing. What fails is tried again the next time. */
export async function fill(scope: Scope, version: Version): Promise<void> {
  const spoken = scope.navigator.languages.map((tag) => version.spoken[tag.slice(0, 2).toLowerCase()]);
  const files: Files = Object.assign({}, version.first, version.later, ...spoken);
  await filling(scope, version, async () => {
    for (const path of Object.keys(files)) {
      await keep(scope, version, path).catch(() => undefined);
    }
  });
}

/** Returns a file of this version, else of another one that is still here, else of the relay. */
export async function find(
  scope: Scope,
  version: Version,
  path: string,
  request: Request,
): Promise<Response> {
  const known = (await stored(scope, version.name, path)) ?? (await storedElsewhere(scope, version, path));
  if (known !== undefined) {
    return known;
  }
  const answer = await scope.fetch(request);
  // The next time it is asked for without the network.
  if (digestOf(version, path) !== undefined && (await isOf(scope, version, path, answer))) {
    const copy = answer.clone();
    await cacheOf(scope, version.name)
      .then((cache) => cache.put(path, copy))
      .catch(() => undefined);
  }
  return answer;
}

/**
 * Returns the page as the relay has it, and the stored one if the relay does not answer. Who asks
 * so has a page that cannot go on. If the relay has another one, a later start asks the relay too,
 * until a version is installed.
 */
export async function newest(scope: Scope, version: Version): Promise<Response> {
  const request = requestFor(scope, PAGE);
  const answer = await scope.fetch(request).catch(() => undefined);
  const theirs = answer?.ok === true ? await nameOf(answer) : undefined;
  if (answer === undefined || theirs === undefined) {
    return find(scope, version, PAGE, request);
  }
  if (theirs !== version.name) {
    await (await cacheOf(scope, version.name)).delete(PAGE);
  }
  return answer;
}

/**
 * Notes that the relay still has this version, if it has. Only then a relay that had an older one
 * was one of several, which are being upgraded.
 */
export async function confirm(scope: Scope, version: Version): Promise<void> {
  const cache = await cacheOf(scope, version.name);
  if ((await cache.match(SUPERSEDED)) === undefined) {
    return;
  }
  const answer = await scope.fetch(requestFor(scope, PAGE)).catch(() => undefined);
  if (answer !== undefined && (await isOf(scope, version, PAGE, answer))) {
    await cache.delete(SUPERSEDED);
  }
}

/**
 * Forgets versions that no open page shows and no service worker fills. Does nothing while a page
 * starts: it has not said yet which version it shows.
 */
export async function tidy(scope: Scope, version: Version): Promise<void> {
  const locks = await scope.navigator.locks?.query();
  if (locks === undefined) {
    return;
  }
  const held = (locks.held ?? []).map(({ name = "" }) => name);
  const shown = held.filter((name) => name.startsWith(PREFIX));
  const tabs = await scope.clients.matchAll({ type: "window", includeUncontrolled: true });
  // The relay has other pages, as `/docs`.
  if (tabs.filter(({ url }) => new URL(url).pathname === PAGE).length > shown.length) {
    return;
  }
  const filled = held.flatMap((name) => (name.startsWith(FILLING) ? [name.slice(FILLING.length)] : []));
  const needed = new Set([...shown, ...filled.map((name) => PREFIX + name)]);
  for (const name of await others(scope, version)) {
    if (!needed.has(PREFIX + name)) {
      await scope.caches.delete(PREFIX + name);
    }
  }
}

/** Holds a lock meanwhile, so that a service worker of another version leaves the cache alone. */
async function filling(scope: Scope, version: Version, work: () => Promise<void>): Promise<void> {
  const { locks } = scope.navigator;
  await (locks === undefined ? work() : locks.request(FILLING + version.name, { mode: "shared" }, work));
}

/** Stores a file, unless it is stored. Another version may have the same one. */
async function keep(scope: Scope, version: Version, path: string): Promise<void> {
  if ((await stored(scope, version.name, path)) !== undefined) {
    return;
  }
  const known = await storedElsewhere(scope, version, path);
  const answer = known ?? (await scope.fetch(requestFor(scope, path)));
  if (!(await isOf(scope, version, path, answer))) {
    throw new Error(`${path} is not of this version`);
  }
  await (await cacheOf(scope, version.name)).put(path, answer);
}

function requestFor(scope: Scope, path: string): Request {
  // A name with a hash in it never has other content, so the browser's own cache may answer.
  const cache = path.startsWith("/assets/") ? "default" : "no-cache";
  return new Request(scope.location.origin + path, { cache, credentials: "omit" });
}

async function isOf(scope: Scope, version: Version, path: string, answer: Response): Promise<boolean> {
  if (!answer.ok) {
    return false;
  }
  const content = await answer.clone().arrayBuffer();
  const bytes = new Uint8Array(await scope.crypto.subtle.digest("SHA-256", content));
  const digest = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return digest.slice(0, DIGITS) === digestOf(version, path);
}

/** Returns the version that a page is of, and nothing for an answer that is no page of Ferry. */
async function nameOf(page: Response): Promise<string | undefined> {
  return /name="ferry-version" content="([^"]+)"/.exec(await page.clone().text())?.[1];
}

/** Returns the newest version that is here as a whole, if it is newer than this one. */
async function newestOf(scope: Scope, version: Version): Promise<string | undefined> {
  for (const name of (await others(scope, version)).sort().reverse()) {
    if (name > version.name && (await stored(scope, name, PAGE)) !== undefined) {
      return name;
    }
  }
  return undefined;
}

/**
 * Returns whether the relays have had an older version than this for so long that an operator has
 * gone back to it. Notes the first time.
 */
async function isTakenBack(scope: Scope, name: string, now: number): Promise<boolean> {
  const cache = await cacheOf(scope, name);
  const since = Number(await (await cache.match(SUPERSEDED))?.text());
  // A clock that was set back begins anew.
  if (Number.isNaN(since) || since > now) {
    await cache.put(SUPERSEDED, new Response(String(now)));
    return false;
  }
  return now - since >= UPGRADE_MAX;
}

function cacheOf(scope: Scope, name: string): Promise<Cache> {
  return scope.caches.open(PREFIX + name);
}

function stored(scope: Scope, name: string, path: string): Promise<Response | undefined> {
  return scope.caches.match(path, { cacheName: PREFIX + name });
}

/** Returns a file of another version. Only a name with a hash in it says that it is the same. */
async function storedElsewhere(scope: Scope, version: Version, path: string): Promise<Response | undefined> {
  for (const name of path.startsWith("/assets/") ? await others(scope, version) : []) {
    const found = await stored(scope, name, path);
    if (found !== undefined) {
      return found;
    }
  }
  return undefined;
}

/** Returns the names of the other versions that are here. */
async function others(scope: Scope, version: Version): Promise<string[]> {
  const names = (await scope.caches.keys()).filter((name) => name.startsWith(PREFIX));
  return names.map((name) => name.slice(PREFIX.length)).filter((name) => name !== version.name);
}
