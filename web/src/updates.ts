/**
 * Registers the service worker, and notices that it has a newer version of the page. The page goes
 * on with its own version until the user reloads it.
 */
import { computed, effect, type ReadonlySignal, signal } from "@preact/signals";
import type { ScriptPolicy } from "./browser.ts";
import { quietly } from "./core/quietly.ts";
import type { Go } from "./offline/note.ts";
import type { App, Phase } from "./state/model.ts";

/**
 * As in `offline/version.ts`. The service worker is one file, so it shares no module with a page.
 */
export const VERSION_LOCK = "ferry-page-";
/** As in `offline/version.ts` too. */
export const NEWEST_PAGE = "/?newest";
/** A visible page asks the relay for a newer version so often, in milliseconds. */
const LOOK_EVERY = 600_000;
/** A visible page looks so often whether it is time to ask. */
const WAKE_EVERY = 60_000;
/** A worker that answers later than this says nothing about its version. */
const ANSWER_WITHIN = 3_000;
/** So often a page asks a worker that does not answer. */
const ANSWER_TRIES = 5;
/** A reload waits so long for the newer version to be stored, in milliseconds. */
const INSTALL_WITHIN = 10_000;

/** Returns the version that this page is of, and nothing where it is served by `npm run dev`. */
export function ownVersion(): string | undefined {
  const version = document.querySelector<HTMLMetaElement>('meta[name="ferry-version"]')?.content;
  return version?.startsWith("__") === false ? version : undefined;
}

/** Keeps the files of this version for as long as the page is open. The service worker looks. */
export function holdVersion(version: string): void {
  const held = navigator.locks?.request(
    VERSION_LOCK + version,
    { mode: "shared" },
    () => new Promise(() => undefined),
  );
  quietly(Promise.resolve(held));
}

/** Takes out of the address how a reload has asked for the page. */
export function tidyAddress(): void {
  if (location.pathname + location.search === NEWEST_PAGE) {
    history.replaceState(history.state, "", `/${location.hash}`);
  }
}

/** Returns whether the service worker has another version, which the user may want to have. */
export function watchUpdates(policy: ScriptPolicy, version: string, app: App): ReadonlySignal<boolean> {
  const isReady = signal(false);
  const { serviceWorker } = navigator;
  if (serviceWorker === undefined) {
    return isReady;
  }
  /** Also tells the worker that a page is there, so that it looks after its files. */
  const compare = async (hasTakenOver: boolean, tries = ANSWER_TRIES): Promise<void> => {
    const theirs = await versionOf(serviceWorker.controller);
    if (theirs === undefined && serviceWorker.controller !== null && tries > 1) {
      // A busy machine may take long to start the worker. The next look is ten minutes away.
      await compare(hasTakenOver, tries - 1);
    } else if (theirs !== undefined) {
      // This page may be newer, if it came past an older worker. If the older one came later, the
      // relay has gone back to it.
      isReady.value = theirs > version || (theirs < version && (hasTakenOver || isReady.peek()));
    }
  };
  serviceWorker.addEventListener("controllerchange", () => quietly(compare(true)));
  serviceWorker.addEventListener("message", ({ data }: MessageEvent<Go>) => {
    if (data.is === "go") {
      location.hash = data.hash;
    }
  });
  quietly(compare(false));
  // A page that may not store its files works all the same.
  const registered = serviceWorker
    .register(policy.createScriptURL("/sw.js") as string)
    .catch(() => undefined);
  let lookedAt = performance.now();
  const look = async (isLongAgo: number) => {
    if (performance.now() - lookedAt >= isLongAgo) {
      lookedAt = performance.now();
      await (await registered)?.update().catch(() => undefined);
      await compare(false);
    }
  };
  const lookIfVisible = () => {
    if (document.visibilityState === "visible") {
      quietly(look(LOOK_EVERY));
    }
  };
  document.addEventListener("visibilitychange", lookIfVisible);
  setInterval(lookIfVisible, WAKE_EVERY);
  // After a while without the relay it may be another one.
  let wasOnline = false;
  effect(() => {
    const { is } = app.connection.state.value;
    const isOnline = is === "online" || is === "catching_up";
    if (isOnline && !wasOnline) {
      quietly(look(0));
    }
    wasOnline = isOnline;
  });
  return isReady;
}

function versionOf(worker: ServiceWorker | null): Promise<string | undefined> {
  if (worker === null) {
    return Promise.resolve(undefined);
  }
  const { port1, port2 } = new MessageChannel();
  return new Promise((resolve) => {
    port1.onmessage = ({ data }) => resolve(typeof data === "string" ? data : undefined);
    setTimeout(() => resolve(undefined), ANSWER_WITHIN);
    worker.postMessage("version", [port2]);
  });
}

/**
 * Reloads the page into another version than this one. If the service worker gets none in time,
 * the page comes from the relay: the stored one would be the same again.
 */
export async function reloadNewest(): Promise<void> {
  const { serviceWorker } = navigator;
  const version = ownVersion();
  const hasNewer = async () => {
    const theirs = await versionOf(serviceWorker?.controller ?? null);
    return version === undefined || (theirs !== undefined && theirs > version);
  };
  const registration = await serviceWorker?.getRegistration().catch(() => undefined);
  if (registration !== undefined && !(await hasNewer())) {
    await replacement(serviceWorker, registration);
  }
  if (await hasNewer()) {
    location.reload();
  } else {
    location.replace(NEWEST_PAGE + location.hash);
  }
}

/** Asks for a newer service worker, and waits until it has taken over or cannot. */
function replacement(
  workers: ServiceWorkerContainer,
  registration: ServiceWorkerRegistration,
): Promise<void> {
  return new Promise((resolve) => {
    const done = () => resolve();
    setTimeout(done, INSTALL_WITHIN);
    workers.addEventListener("controllerchange", done, { once: true });
    registration.update().then(({ installing, waiting }) => {
      const worker = installing ?? waiting;
      if (worker === null) {
        done();
      }
      worker?.addEventListener("statechange", () => worker.state === "redundant" && done());
    }, done);
  });
}

/** Adds to the phase that a newer version is ready. What else the page says is still seen. */
export function withUpdates<A extends App>(app: A, isReady: ReadonlySignal<boolean>): A {
  const phase = computed<Phase>(() => {
    const now = app.session.phase.value;
    return isReady.value && now.is === "signed_in" ? { ...now, hasUpdate: true } : now;
  });
  return { ...app, session: { ...app.session, phase } };
}

/** Shows on the icon of an installed app how many messages are unread. */
export function watchBadge(app: App): void {
  if (!("setAppBadge" in navigator)) {
    return;
  }
  effect(() => {
    const { messages, mentions } = app.rooms.total.value;
    const count = app.session.me.value === undefined ? 0 : Math.max(messages, mentions);
    // Not every system shows it.
    (count === 0 ? navigator.clearAppBadge() : navigator.setAppBadge(count)).catch(() => undefined);
  });
}
