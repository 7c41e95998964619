/** A menu at a place: a list at the pointer, and a sheet on a phone. */
import { useLayoutEffect } from "preact/hooks";
import { isNarrow } from "../device.ts";
import { useModal } from "./dialog.tsx";
import { Icon, type IconName } from "./icon.tsx";

export interface MenuItem {
  label: string;
  icon: IconName;
  isDanger?: boolean;
  run(): void;
}

export interface Quick {
  label: string;
  glyph: string;
  run(): void;
}

/** Where a menu opens: a point, or the element that it belongs to. */
export type Place = { x: number; y: number } | Element;

export function Menu(props: {
  label: string;
  place: Place;
  items: MenuItem[];
  quick?: Quick[];
  onClose(): void;
}) {
  const menu = useModal(props.onClose);
  useLayoutEffect(() => {
    const element = menu.current;
    if (element !== null && !isNarrow.peek()) {
      put(element, props.place);
    }
    element?.querySelector<HTMLElement>("[role=menuitem]")?.focus();
  }, []);
  const choose = (run: () => void) => {
    props.onClose();
    // The focus goes back first, and what is chosen may take it.
    queueMicrotask(() => setTimeout(run));
  };
  return (
    <dialog
      ref={menu}
      class="menu"
      aria-label={props.label}
      onClick={(event) => {
        if (event.target === menu.current) {
          props.onClose();
        }
      }}
      onKeyDown={(event) => move(event, menu.current)}
    >
      <div role="menu" aria-label={props.label}>
        {props.quick === undefined ? null : (
          <div class="quick" role="presentation">
            {props.quick.map((quick) => (
              <button
                key={quick.label}
                type="button"
                role="menuitem"
                tabIndex={-1}
                aria-label={quick.label}
                onClick={() => choose(quick.run)}
              >
                {quick.glyph}
              </button>
            ))}
          </div>
        )}
        {props.items.map((item) => (
          <button
            key={item.label}
            type="button"
            role="menuitem"
            tabIndex={-1}
            class={item.isDanger === true ? "danger" : undefined}
            onClick={() => choose(item.run)}
          >
            <Icon name={item.icon} />
            {item.label}
          </button>
        ))}
      </div>
    </dialog>
  );
}

function put(element: HTMLElement, place: Place): void {
  const box = element.getBoundingClientRect();
  const at = place instanceof Element ? place.getBoundingClientRect() : undefined;
  const x = at === undefined ? (place as { x: number }).x : Math.max(8, at.right - box.width);
  const y = at === undefined ? (place as { y: number }).y : at.bottom + 4;
  const above = at === undefined ? y - box.height : at.top - box.height - 4;
  const fits = y + box.height + 8 <= innerHeight;
  element.style.left = `${Math.max(8, Math.min(x, innerWidth - box.width - 8))}px`;
  element.style.top = `${Math.max(8, fits ? y : Math.max(8, above))}px`;
}

function move(event: KeyboardEvent, menu: HTMLElement | null): void {
  const items = [...(menu?.querySelectorAll<HTMLElement>("[role=menuitem]") ?? [])];
  const at = items.indexOf(document.activeElement as HTMLElement);
  const to: Record<string, number> = {
    ArrowDown: at + 1,
    ArrowRight: at + 1,
    ArrowUp: at - 1,
    ArrowLeft: at - 1,
    Home: 0,
    End: items.length - 1,
  };
  const next = to[event.key];
  if (next !== undefined) {
    event.preventDefault();
    items.at(next % items.length)?.focus();
  }
}
