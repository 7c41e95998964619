/** Notifications of the browser. A service worker shows them where there is one. */
import { quietly } from "./core/quietly.ts";
import type { NoteData } from "./offline/note.ts";
import type { Env } from "./state/env.ts";

type Notes = Env["notifications"];
type Note = Parameters<Notes["show"]>[0];

export function notificationState(): "on" | "off" | "denied" | "unsupported" {
  if (!("Notification" in globalThis)) {
    return "unsupported";
  }
  const { permission } = Notification;
  return permission === "granted" ? "on" : permission === "denied" ? "denied" : "off";
}

/**
 * Shows notes, and closes those of a room. On Android only a service worker may show one, and a
 * click on its note finds the tab also if another one has asked for it.
 */
export function noteOf(): Pick<Notes, "show" | "close"> {
  const ofPage = notesOfPage();
  const worker = async () =>
    navigator.serviceWorker?.controller ? navigator.serviceWorker.ready : undefined;
  return {
    show(note) {
      quietly(worker().then((its) => (its === undefined ? ofPage.show(note) : show(its, note))));
    },
    close(room) {
      ofPage.close(room);
      quietly(worker().then((its) => its && close(its, room)));
    },
  };
}

/** A key is `sender/message`, which is how the address of a message ends. */
function hashOf({ room, key }: Note): string {
  return `#/room/${room}/${key}`;
}

function show(worker: ServiceWorkerRegistration, note: Note): Promise<void> {
  const data: NoteData = { room: note.room, hash: hashOf(note) };
  return worker.showNotification(note.title, {
    body: note.text,
    // All tabs give a message the same tag, so it is shown once.
    tag: note.key,
    icon: "/icons/icon-192.png",
    badge: "/icons/note.png",
    data,
  });
}

async function close(worker: ServiceWorkerRegistration, room: string): Promise<void> {
  for (const note of await worker.getNotifications()) {
    if ((note.data as NoteData | null)?.room === room) {
      note.close();
    }
  }
}

/** Notes without a service worker, as in a page of `npm run dev`. */
function notesOfPage(): Pick<Notes, "show" | "close"> {
  const shown = new Map<string, Set<Notification>>();
  return {
    show(note) {
      const { room } = note;
      const its = shown.get(room) ?? new Set();
      const one = new Notification(note.title, { body: note.text, tag: note.key });
      one.onclick = () => {
        focus();
        location.hash = hashOf(note);
        one.close();
      };
      one.onclose = () => its.delete(one);
      shown.set(room, its.add(one));
    },
    close(room) {
      for (const note of shown.get(room) ?? []) {
        note.close();
      }
      shown.delete(room);
    },
  };
}
