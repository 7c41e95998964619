/** A dialog. The page behind it rests; Escape and Back close it; the focus returns. */
import type { ComponentChildren } from "preact";
import { useId, useLayoutEffect, useRef } from "preact/hooks";
import { t } from "../../i18n/words.ts";
import { openLayer } from "../route.ts";
import { Icon } from "./icon.tsx";

export function Dialog(props: {
  title: string;
  onClose(): void;
  children: ComponentChildren;
  kind?: "sheet" | "top";
  isTitleHidden?: boolean;
}) {
  const id = useId();
  const dialog = useModal(props.onClose);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the key of the backdrop is Escape
    <dialog
      ref={dialog}
      class={`dialog ${props.kind ?? ""}`}
      aria-labelledby={id}
      onCancel={(event) => {
        event.preventDefault();
        props.onClose();
      }}
      onClick={(event) => {
        // The backdrop belongs to the dialog itself.
        if (event.target === dialog.current) {
          props.onClose();
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
            <button type="button" class="icon-button" aria-label={t("close")} onClick={props.onClose}>
              <Icon name="close" />
            </button>
          </div>
        )}
        {props.children}
      </div>
    </dialog>
  );
}

/** Shows a dialog while its component is there. */
export function useModal(onClose: () => void) {
  const dialog = useRef<HTMLDialogElement>(null);
  const close = useRef(onClose);
  close.current = onClose;
  useLayoutEffect(() => {
    const before = document.activeElement;
    const element = dialog.current;
    element?.showModal();
    const closeLayer = openLayer(() => close.current());
    return () => {
      element?.close();
      closeLayer();
      // The element may have gone meanwhile; then the browser's choice stays.
      if (before instanceof HTMLElement && before.isConnected) {
        before.focus();
      }
    };
  }, []);
  return dialog;
}
