/** A dialog. The page behind it rests; Escape and Back close it; the focus returns. */
import type { ComponentChildren, RefObject } from "preact";
import { useEffect, useId, useLayoutEffect, useRef, useState } from "preact/hooks";
import { t } from "../../i18n/words.ts";
import { openLayer } from "../route.ts";
import { Icon } from "./icon.tsx";

export function Dialog(props: {
  title: string;
  onClose(): void;
  children: ComponentChildren;
  kind?: "sheet" | "top";
  isTitleHidden?: boolean;
  /** What the user would lose now. They are asked before anything but your buttons closes it. */
  loses?: string | undefined;
}) {
  const id = useId();
  const [asks, setAsks] = useState(false);
  const { loses } = props;
  const leave = () => (loses === undefined ? props.onClose() : setAsks(true));
  const dialog = useModal(leave, loses !== undefined);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the key of the backdrop is Escape
    <dialog
      ref={dialog}
      class={`dialog ${props.kind ?? ""}`}
      aria-labelledby={id}
      onClick={(event) => {
        // The backdrop belongs to the dialog itself.
        if (event.target === dialog.current) {
          leave();
        }
      }}
    >
      <div class="dialog-body">
        {props.isTitleHidden === true ? (
          <h2 class="hidden-words" id={id}>
            {props.title}
          </h2>
        ) : (
          <div class="dialog-head">
            <h2 id={id}>{props.title}</h2>
            <button type="button" class="icon-button" aria-label={t("close")} onClick={leave}>
              <Icon name="close" />
            </button>
          </div>
        )}
        {props.children}
      </div>
      {asks && loses !== undefined ? (
        <Question text={loses} onStay={() => setAsks(false)} onLeave={props.onClose} />
      ) : null}
    </dialog>
  );
}

/** Asks before a dialog is closed that the user cannot have back. */
function Question(props: { text: string; onStay(): void; onLeave(): void }) {
  return (
    <Dialog title={t("dialog.leave_title")} onClose={props.onStay}>
      <p>{props.text}</p>
      <div class="buttons end">
        <button type="button" class="button danger" onClick={props.onLeave}>
          {t("dialog.leave")}
        </button>
        <button type="button" class="button primary" onClick={props.onStay}>
          {t("dialog.stay")}
        </button>
      </div>
    </Dialog>
  );
}

/**
 * Shows a dialog while its component is there. `onLeave` is called when the user wants to leave
 * it. With `holds` it may stay open then, also if Back was pressed or the tab is to be closed.
 */
export function useModal(onLeave: () => void, holds = false): RefObject<HTMLDialogElement | null> {
  const dialog = useRef<HTMLDialogElement>(null);
  const now = useRef({ onLeave, holds });
  now.current = { onLeave, holds };
  useLayoutEffect(() => {
    const before = document.activeElement;
    const element = dialog.current;
    let isGone = false;
    const layer = openLayer(
      () => now.current.onLeave(),
      () => now.current.holds,
    );
    const cancel = (event: Event) => {
      // The choice of a file has this event too, and it bubbles.
      if (event.target === element) {
        event.preventDefault();
        now.current.onLeave();
      }
    };
    // At a second Escape the browser closes a dialog without asking.
    const closed = (event: Event) => {
      if (event.target === element && !isGone) {
        element?.showModal();
        now.current.onLeave();
      }
    };
    element?.addEventListener("cancel", cancel);
    element?.addEventListener("close", closed);
    element?.showModal();
    return () => {
      isGone = true;
      element?.close();
      layer();
      // The element may have gone meanwhile; then the browser's choice stays.
      if (before instanceof HTMLElement && before.isConnected) {
        before.focus();
      }
    };
  }, []);
  useEffect(() => {
    if (!holds) {
      return undefined;
    }
    const ask = (event: Event) => event.preventDefault();
    addEventListener("beforeunload", ask);
    return () => removeEventListener("beforeunload", ask);
  }, [holds]);
  return dialog;
}
