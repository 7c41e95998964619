/** Notifications of the browser. A service worker shows them where there is one. */
import type { Env } from "./state/env.ts";

export function notificationState(): "on" | "off" | "denied" | "unsupported" {
  if (!("Notification" in globalThis)) {
    return "unsupported";
  }
  const { permission } = Notification;
  return permission === "granted" ? "on" : permission === "denied" ? "denied" : "off";
}

export function noteOf(): Pick<Env["notifications"], "show" | "close"> {
  const shown = new Map<string, Set<Notification>>();
  return {
    show({ key, title, text, room }) {
      const note = new Notification(title, { body: text, tag: key });
      note.onclick = () => {
        focus();
        location.hash = `#/room/${room}`;
        note.close();
      };
      const its = shown.get(room) ?? new Set();
      shown.set(room, its.add(note));
      note.onclose = () => its.delete(note);
    },
    close(room) {
      for (const note of shown.get(room) ?? []) {
        note.close();
      }
      shown.delete(room);
    },
  };
}
