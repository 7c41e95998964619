/** Copies a text, and says that it has. */
import { useState } from "preact/hooks";
import { t } from "../../i18n/words.ts";
import { Icon } from "./icon.tsx";

export function CopyButton(props: { class: string; label: string; text: string }) {
  const [state, setState] = useState<"copied" | "failed">();
  const copy = () =>
    navigator.clipboard.writeText(props.text).then(
      () => setState("copied"),
      // Without the permission the user copies it by hand.
      () => setState("failed"),
    );
  return (
    <>
      <button type="button" class={props.class} onClick={() => void copy()}>
        <Icon name={state === "copied" ? "check" : "copy"} size={props.class === "action" ? 20 : 18} />
        {state === "copied" ? t("copied") : props.label}
      </button>
      {state === "failed" ? (
        <p class="passphrase" role="alert">
          {props.text}
        </p>
      ) : null}
    </>
  );
}
