/**
 * The service worker: the page starts without the network, and notifications lead back to it.
 *
 * It has the files of the page and nothing else. No message, token or answer of the relay goes
 * through it.
 */
import { placeOf, showPlace } from "./offline/note.ts";
import type { Scope } from "./offline/scope.ts";
import { find, install, pathOf, tidy, type Version } from "./offline/version.ts";

const scope = globalThis as unknown as Scope;

// `scripts/offline.ts` writes the version here when everything else is built.
const version: Version = JSON.parse("__FERRY_VERSION__");

scope.addEventListener("install", (event) => {
  // An open page goes on with its own files, which stay for as long as it is open. So the new
  // version need not wait, and the next page has it.
  event.waitUntil(install(scope, version).then(() => scope.skipWaiting()));
});

scope.addEventListener("activate", (event) => {
  event.waitUntil(tidy(scope, version).then(() => scope.clients.claim()));
});

scope.addEventListener("fetch", (event) => {
  const path = pathOf(event.request, scope.location.origin, version);
  if (path !== undefined) {
    event.respondWith(find(scope, version, path, event.request));
  }
});

scope.addEventListener("message", ({ data, ports }) => {
  if (data === "version") {
    ports[0]?.postMessage(version.name);
  }
});

scope.addEventListener("notificationclick", (event) => {
  const place = placeOf(event.notification.data);
  event.notification.close();
  if (place !== undefined) {
    event.waitUntil(showPlace(scope, place));
  }
});
