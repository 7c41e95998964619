/** A notification that the user clicked. */
import type { Scope, Tab } from "./scope.ts";

/** What a notification knows of its message: where it is in the page. */
export interface NoteData {
  room: string;
  hash: string;
}

/** What the service worker tells a page. */
export interface Go {
  is: "go";
  hash: string;
}

/** Returns the place in the page, if it is one of a room. */
export function placeOf(data: unknown): string | undefined {
  const hash = typeof data === "object" && data !== null && "hash" in data ? data.hash : undefined;
  return typeof hash === "string" && /^#\/room\/[\w/-]+$/.test(hash) ? hash : undefined;
}

/** Shows the message in the tab that the user looked at last, or in a new one. */
export async function showPlace(scope: Scope, hash: string): Promise<void> {
  const tabs = await scope.clients.matchAll({ type: "window", includeUncontrolled: true });
  // The relay has other pages, as `/docs`.
  const tab = best(tabs.filter(({ url }) => new URL(url).pathname === "/"));
  if (tab === undefined) {
    await scope.clients.openWindow(`/${hash}`);
    return;
  }
  tab.postMessage({ is: "go", hash } satisfies Go);
  await tab.focus();
}

/** The browser lists the tab first that had the focus last. */
function best(tabs: readonly Tab[]): Tab | undefined {
  return (
    tabs.find(({ focused }) => focused) ??
    tabs.find(({ visibilityState }) => visibilityState === "visible") ??
    tabs[0]
  );
}
