/** What the state gets from a real browser. `main.tsx` calls `browserApp` once. */

import { noteOf, notificationState } from "./browser-notes.ts";
import { quietly } from "./core/quietly.ts";
import type { Channel } from "./db/changes.ts";
import { deviceName } from "./device-name.ts";
import workerAddress from "./engine/worker.ts?worker&url";
import { startEngine } from "./engine-worker.ts";
import { createApp, type RunningApp } from "./state/app.ts";
import type { Env } from "./state/env.ts";
import { reloadNewest } from "./updates.ts";

const SETTINGS = "ferry-settings";

/** Passes the two addresses of scripts that this page may run, and no other text. */
export interface ScriptPolicy {
  createScriptURL(address: string): unknown;
}

/** Returns the policy that the page's headers name. There can be only one. */
export function scriptPolicy(): ScriptPolicy {
  const factory = (
    globalThis as { trustedTypes?: { createPolicy(name: string, rules: ScriptPolicy): ScriptPolicy } }
  ).trustedTypes;
  const rules = {
    createScriptURL(address: string) {
      if (address !== workerAddress && address !== "/sw.js") {
        throw new TypeError("this page runs no such script");
      }
      return address;
    },
  };
  return factory?.createPolicy("ferry", rules) ?? rules;
}

/**
 * Makes the app. `say` has the words of the page's language. Call `start` once the screens are
 * there.
 */
export function browserApp(say: Env["say"], policy: ScriptPolicy, version: string): RunningApp {
  return createApp({
    fetch: (address, request) => fetch(address, request),
    timeout: (time) => AbortSignal.timeout(time),
    locks: navigator.locks,
    // The page uses less of it than its type says.
    channel: (name) => new BroadcastChannel(name) as unknown as Channel,
    grounds: { isSecure: () => isSecureContext, tryStorage, tryCookie },
    startEngine: (plan) =>
      startEngine(
        plan,
        () =>
          new Worker(policy.createScriptURL(workerAddress) as string, {
            type: "module",
            name: "ferry-engine",
          }),
      ),
    now: () => Date.now(),
    steady: () => performance.now(),
    set: (work, wait) => setTimeout(work, wait),
    clear: (timer) => clearTimeout(timer as ReturnType<typeof setTimeout> | undefined),
    random: (bytes) => crypto.getRandomValues(new Uint8Array(bytes)),
    isVisible: () => document.visibilityState === "visible",
    isFocused: () => document.visibilityState === "visible" && document.hasFocus(),
    onAttention,
    reload: () => quietly(reloadNewest()),
    deviceName: () => deviceName(navigator.userAgent, say),
    settings: {
      get: () => localStorage.getItem(SETTINGS) ?? undefined,
      set: (text) => localStorage.setItem(SETTINGS, text),
    },
    storage: {
      estimate: async () => {
        const { usage = 0, quota = 0 } = (await navigator.storage?.estimate?.()) ?? {};
        return { usage, quota };
      },
      isPersisted: async () => (await navigator.storage?.persisted?.()) ?? false,
      persist: async () => (await navigator.storage?.persist?.()) ?? false,
      isEphemeral: () => "standalone" in navigator && !matchMedia("(display-mode: standalone)").matches,
    },
    notifications: {
      state: notificationState,
      ask: async () => "Notification" in globalThis && (await Notification.requestPermission()) === "granted",
      ...noteOf(),
    },
    say,
    version,
    server: location.origin,
  });
}

function onAttention(changed: (why: "attention" | "online") => void): () => void {
  const attention = () => changed("attention");
  const online = () => changed("online");
  document.addEventListener("visibilitychange", attention);
  addEventListener("focus", attention);
  addEventListener("blur", attention);
  // What is typed is stored before the page goes.
  addEventListener("pagehide", attention);
  addEventListener("online", online);
  return () => {
    document.removeEventListener("visibilitychange", attention);
    removeEventListener("focus", attention);
    removeEventListener("blur", attention);
    removeEventListener("pagehide", attention);
    removeEventListener("online", online);
  };
}

/** A private window of some browsers opens a database only to fail at the first write. */
async function tryStorage(): Promise<void> {
  const name = "ferry-probe";
  const db = await new Promise<IDBDatabase>((resolve, reject) => {
    const request = indexedDB.open(name, 1);
    request.onupgradeneeded = () => request.result.createObjectStore("probe");
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  try {
    await new Promise<void>((resolve, reject) => {
      const tx = db.transaction("probe", "readwrite");
      tx.objectStore("probe").put(1, 1);
      tx.oncomplete = () => resolve();
      tx.onabort = () => reject(tx.error);
    });
  } finally {
    db.close();
    indexedDB.deleteDatabase(name);
  }
}

function tryCookie(): boolean {
  const name = "ferry_probe";
  // biome-ignore lint/suspicious/noDocumentCookie: the other way is not in every browser.
  document.cookie = `${name}=1; SameSite=Strict; Path=/`;
  const isThere = document.cookie.includes(`${name}=1`);
  // biome-ignore lint/suspicious/noDocumentCookie: as above.
  document.cookie = `${name}=; SameSite=Strict; Path=/; Max-Age=0`;
  return isThere;
}
