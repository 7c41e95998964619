/** The menu of a message by a long press, or by the other button of a mouse. */
import { useRef } from "preact/hooks";
import type { Place } from "../basics/menu.tsx";

const PRESS_MS = 450;
/** A finger that moves further than this scrolls. */
const SLIP = 10;

export function useLongPress(open: (place: Place) => void) {
  const press = useRef<{ timer: ReturnType<typeof setTimeout>; x: number; y: number } | undefined>(undefined);
  const end = () => {
    clearTimeout(press.current?.timer);
    press.current = undefined;
  };
  return {
    onPointerDown: (event: PointerEvent) => {
      end();
      const isControl = (event.target as Element).closest("a, button") !== null;
      if (event.pointerType !== "mouse" && !isControl) {
        const { clientX: x, clientY: y } = event;
        press.current = { timer: setTimeout(() => open({ x, y }), PRESS_MS), x, y };
      }
    },
    onPointerMove: (event: PointerEvent) => {
      const start = press.current;
      if (start !== undefined && Math.hypot(event.clientX - start.x, event.clientY - start.y) > SLIP) {
        end();
      }
    },
    onPointerUp: end,
    onPointerCancel: end,
    onContextMenu: (event: MouseEvent) => {
      // The browser's own menu serves a link and a selection better.
      const isSelecting = getSelection()?.isCollapsed === false;
      if ((event.target as Element).closest("a") !== null || isSelecting) {
        return;
      }
      event.preventDefault();
      if (press.current === undefined || (event as PointerEvent).pointerType === "mouse") {
        end();
        open({ x: event.clientX, y: event.clientY });
      }
    },
  };
}
