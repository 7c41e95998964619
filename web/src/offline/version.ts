/** One version of the page, and which requests are for its files. */

export interface Version {
  /**
   * The seconds since 1970 when the page was first built, and then a digest. So of two names the
   * one that sorts last is that of the newer page.
   */
  readonly name: string;
  /** What a start needs, and reading and writing without the network. All of it, or nothing. */
  readonly first: Files;
  /** What is stored once the page runs. */
  readonly later: Files;
  /** The same, for a browser that has the language. */
  readonly spoken: Readonly<Record<string, Files>>;
  /** What is stored when it was asked for. It is of no use without the network. */
  readonly asked: Files;
}

/** The digest of each file, by its path. */
export type Files = Readonly<Record<string, string>>;

/** The caches of the page begin so, and so does the lock that a page of a version holds. */
export const PREFIX = "ferry-page-";
/** The lock of a service worker while it fills the cache of its version begins so. */
export const FILLING = "ferry-fill-";
/** The address of the page as the relay has it now: it goes past what is stored. */
export const NEWEST = "/?newest";

/** Returns the digest of a file of the version, and nothing for other paths. */
export function digestOf(version: Version, path: string): string | undefined {
  const parts = [version.first, version.later, version.asked, ...Object.values(version.spoken)];
  return parts.find((files) => Object.hasOwn(files, path))?.[path];
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
  const isFile = digestOf(version, url.pathname) !== undefined || url.pathname.startsWith("/assets/");
  return isFile ? url.pathname : undefined;
}

/** Returns whether a request is for the page as the relay has it now. */
export function isForNewest(request: Pick<Request, "method" | "url">, origin: string): boolean {
  return request.method === "GET" && request.url === origin + NEWEST;
}
