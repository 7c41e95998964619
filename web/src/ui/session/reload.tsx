/** A newer version is there. */
import { t } from "../../i18n/words.ts";
import { Alone } from "./alone.tsx";

export function ReloadPage() {
  return (
    <Alone title={t("reload.title")} text={t("reload.text")}>
      <button type="button" class="button primary wide" onClick={() => location.reload()}>
        {t("reload.now")}
      </button>
    </Alone>
  );
}
