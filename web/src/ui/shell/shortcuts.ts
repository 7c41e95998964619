/** The keys that work everywhere. None is bare while the user types. */
import { useEffect } from "preact/hooks";
import type { App, RoomRow } from "../../state/model.ts";
import { isApple } from "../device.ts";
import { go, route } from "../route.ts";
import { overlay } from "./overlay.ts";

/** Returns whether the key of commands is held: Cmd on Apple's devices, else Ctrl. */
export function hasCommand(event: KeyboardEvent): boolean {
  return isApple ? event.metaKey : event.ctrlKey;
}

export function useShortcuts(app: App): void {
  useEffect(() => {
    const listen = (event: KeyboardEvent) => {
      // What is being composed by an input method belongs to it.
      if (event.isComposing || event.keyCode === 229) {
        return;
      }
      if (act(app, event)) {
        event.preventDefault();
      }
    };
    addEventListener("keydown", listen);
    return () => removeEventListener("keydown", listen);
  }, [app]);
}

function act(app: App, event: KeyboardEvent): boolean {
  if (hasCommand(event) && !event.altKey) {
    switch (event.key.toLowerCase()) {
      case "k":
        overlay.value = overlay.value === "switcher" ? undefined : "switcher";
        return true;
      case "/":
        overlay.value = "help";
        return true;
      case "f":
        if (event.shiftKey) {
          go({ at: "search" });
          return true;
        }
        return false;
      case ",":
        go({ at: "settings" });
        return true;
      default:
        return false;
    }
  }
  if (event.altKey && (event.key === "ArrowUp" || event.key === "ArrowDown")) {
    const step = event.key === "ArrowDown" ? 1 : -1;
    const next = neighbour(app.rooms.list.value, step, event.shiftKey);
    if (next !== undefined) {
      go({ at: "room", room: next.id });
    }
    return true;
  }
  return false;
}

/** Returns the room above or below the open one; with `isUnread`, the next with something new. */
function neighbour(rooms: readonly RoomRow[], step: 1 | -1, isUnread: boolean): RoomRow | undefined {
  const here = route.value;
  const open = here.at === "room" ? rooms.findIndex(({ id }) => id === here.room) : -1;
  const from = open < 0 && step < 0 ? 0 : open;
  for (let taken = 1; taken <= rooms.length; taken += 1) {
    const row = rooms[(((from + step * taken) % rooms.length) + rooms.length) % rooms.length];
    if (row !== undefined && (!isUnread || row.unread > 0)) {
      return row;
    }
  }
  return undefined;
}
