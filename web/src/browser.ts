/** What the state gets from a real browser. `main.tsx` calls `browserApp` once. */

import { noteOf, notificationState } from "./browser-notes.ts";
import { quietly } from "./core/quietly.ts";
import type { Channel } from "./db/changes.ts";
import { deviceName } from "./device-name.ts";
import type { ToWindow, ToWorker } from "./engine/worker.ts";
import workerAddress from "./engine/worker.ts?worker&url";
import { createApp, type RunningApp } from "./state/app.ts";
import type { EngineHandle, EnginePlan, Env } from "./state/env.ts";
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
    startEngine: (plan) => startEngine(plan, policy),
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

/** An engine that cannot be loaded is tried again after this time, in milliseconds. */
const ENGINE_AGAIN = 10_000;

function startEngine(plan: EnginePlan, policy: ScriptPolicy): EngineHandle {
  let isStopped = false;
  let { isVisible } = plan;
  let timer: number | undefined;
  const start = () => {
    const worker = new Worker(policy.createScriptURL(workerAddress) as string, {
      type: "module",
      name: "ferry-engine",
    });
    let isThere = false;
    worker.onmessage = ({ data }: MessageEvent<ToWindow>) => {
      isThere = true;
      if (data.is === "state") {
        plan.onState(data.state);
      } else {
        const { n, expiresAt } = data;
        plan.refresh(expiresAt).then(
          (answer) => tell({ is: "refreshed", n, answer }),
          // The worker waits for an answer, and knows what to do after this one.
          () => tell({ is: "refreshed", n, answer: "unreachable" }),
        );
      }
    };
    // A script that does not load says so here, and then nothing comes of the worker. An error of
    // a worker that runs does not end it.
    worker.onerror = () => {
      if (isThere || isStopped) {
        return;
      }
      worker.terminate();
      plan.onState({ is: "offline", why: "relay", retryAt: Date.now() + ENGINE_AGAIN });
      timer = window.setTimeout(again, ENGINE_AGAIN);
    };
    worker.postMessage({ is: "start", user: plan.user, device: plan.device, isVisible } satisfies ToWorker);
    return worker;
  };
  let worker = start();
  const tell = (message: ToWorker) => worker.postMessage(message);
  const again = () => {
    clearTimeout(timer);
    timer = undefined;
    worker = start();
  };
  return {
    visibility(now) {
      isVisible = now;
      tell({ is: "visibility", isVisible });
    },
    tryNow() {
      if (timer === undefined) {
        tell({ is: "try" });
      } else {
        again();
      }
    },
    stop() {
      isStopped = true;
      clearTimeout(timer);
      tell({ is: "stop" });
    },
  };
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
