/**
 * The service worker: the page starts without the network, and notifications lead back to it.
 *
 * It has the files of the page and nothing else. No message, token or answer of the relay goes
 * through it.
 */
import { placeOf, showPlace } from "./offline/note.ts";
import type { Scope } from "./offline/scope.ts";
import { confirm, fill, find, install, newest, tidy } from "./offline/store.ts";
import { isForNewest, pathOf, type Version } from "./offline/version.ts";

const scope = globalThis as unknown as Scope;

// `scripts/offline.ts` writes the version here when everything else is built.
const version: Version = JSON.parse("__FERRY_VERSION__");

scope.addEventListener("install", (event) => {
  // An open page goes on with its own files, which stay for as long as it is open. So the new
  // version need not wait, and the next page has it.
  event.waitUntil(install(scope, version, Date.now()).then(() => scope.skipWaiting()));
});

scope.addEventListener("activate", (event) => {
  event.waitUntil(scope.clients.claim());
});

scope.addEventListener("fetch", (event) => {
  const { origin } = scope.location;
  const path = pathOf(event.request, origin, version);
  if (isForNewest(event.request, origin)) {
    event.respondWith(newest(scope, version));
  } else if (path !== undefined) {
    event.respondWith(find(scope, version, path, event.request));
  }
});

let upkeep: Promise<unknown> = Promise.resolve();

async function keepUp(): Promise<void> {
  const work = [confirm(scope, version), tidy(scope, version).then(() => fill(scope, version))];
  await Promise.allSettled(work);
}

scope.addEventListener("message", (event) => {
  if (event.data === "version") {
    event.ports[0]?.postMessage(version.name);
    // A page asks when it starts and now and then, so this happens often enough. One after the
    // other: two at once would fetch everything twice.
    upkeep = upkeep.then(keepUp);
    event.waitUntil(upkeep);
  }
});

scope.addEventListener("notificationclick", (event) => {
  const place = placeOf(event.notification.data);
  event.notification.close();
  if (place !== undefined) {
    event.waitUntil(showPlace(scope, place));
  }
});
