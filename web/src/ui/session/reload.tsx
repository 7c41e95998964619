/** A newer version is there. */
import { t } from "../../i18n/words.ts";
import { ReloadButton } from "../basics/reload-button.tsx";
import { Alone } from "./alone.tsx";

export function ReloadPage() {
  return (
    <Alone title={t("reload.title")} text={t("reload.text")}>
      <ReloadButton class="button primary wide" />
    </Alone>
  );
}
