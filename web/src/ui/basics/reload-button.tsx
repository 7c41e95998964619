/** Reloads the page into the newest version. */
import { useState } from "preact/hooks";
import { t } from "../../i18n/words.ts";
import { useApp } from "../app-context.ts";

export function ReloadButton({ class: look }: { class?: string }) {
  const app = useApp();
  // The newer version may have to be stored first.
  const [isBusy, setBusy] = useState(false);
  const reload = () => {
    setBusy(true);
    app.reload();
  };
  return (
    <button type="button" class={look} disabled={isBusy} aria-busy={isBusy} onClick={reload}>
      {t("reload.now")}
    </button>
  );
}
