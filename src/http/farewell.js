// The service worker of a relay that has no web client any more. It replaces the one of the client
// in each browser. Open pages go on with their files, and nothing that is typed is lost. Once no
// page is open, it removes the files and itself.
const FILES = "ferry-page-";

async function leave() {
  // Each page of the client holds the lock of its version.
  const { held } = await navigator.locks.query();
  if (held.some(({ name }) => name.startsWith(FILES))) {
    return;
  }
  const names = await caches.keys();
  await Promise.all(names.filter((name) => name.startsWith(FILES)).map((name) => caches.delete(name)));
  await registration.unregister();
}

addEventListener("install", () => skipWaiting());

addEventListener("activate", (event) => event.waitUntil(leave()));

addEventListener("fetch", (event) => {
  const { origin, pathname } = new URL(event.request.url);
  if (origin !== location.origin || event.request.method !== "GET") {
    return;
  }
  if (event.request.mode === "navigate") {
    // The relay answers. The last page may have gone since.
    event.waitUntil(leave());
  } else if (pathname.startsWith("/assets/")) {
    event.respondWith(caches.match(pathname).then((known) => known ?? fetch(event.request)));
  }
});
