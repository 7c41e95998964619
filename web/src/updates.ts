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
/** A visible page asks the relay for a newer version so often, in milliseconds. */
const LOOK_EVERY = 600_000;
/** A worker that answers later than this says nothing about its version. */
const ANSWER_WITHIN = 10_000;

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

/** Returns whether the service worker has another version than this page. */
export function watchUpdates(policy: ScriptPolicy, version: string, app: App): ReadonlySignal<boolean> {
  const isReady = signal(false);
  const { serviceWorker } = navigator;
  if (serviceWorker === undefined) {
    return isReady;
  }
  const compare = async () => {
    const theirs = await versionOf(serviceWorker.controller);
    if (theirs !== undefined) {
      isReady.value = theirs !== version;
    }
  };
  serviceWorker.addEventListener("controllerchange", () => quietly(compare()));
  serviceWorker.addEventListener("message", ({ data }: MessageEvent<Go>) => {
    if (data.is === "go") {
      location.hash = data.hash;
    }
  });
  quietly(compare());
  // A page that may not store its files works all the same.
  const registered = serviceWorker
    .register(policy.createScriptURL("/sw.js") as string)
    .catch(() => undefined);
  let lookedAt = performance.now();
  const look = async (isLongAgo: number) => {
    if (performance.now() - lookedAt >= isLongAgo) {
      lookedAt = performance.now();
      await (await registered)?.update().catch(() => undefined);
    }
  };
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") {
      quietly(look(LOOK_EVERY));
    }
  });
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

/** Offers the newer version to a user who is logged in and does nothing else now. */
export function withUpdates<A extends App>(app: A, isReady: ReadonlySignal<boolean>): A {
  const phase = computed<Phase>(() => {
    const now = app.session.phase.value;
    // An empty device is told about its history first.
    const isAtWork =
      now.is === "signed_in" &&
      app.session.me.value !== undefined &&
      (!now.isEmptyDevice || app.rooms.list.value.length > 0);
    return isReady.value && isAtWork ? { is: "reload", mustNow: false } : now;
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
