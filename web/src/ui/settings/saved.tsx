/** Says that a form is saved. */
import { t } from "../../i18n/words.ts";

export function Saved({ is }: { is: boolean }) {
  return (
    <p class="hint" role="status">
      {is ? t("saved") : ""}
    </p>
  );
}
