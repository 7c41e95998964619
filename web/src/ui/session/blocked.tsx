/** Why the page cannot work here, and what helps. */
import { t } from "../../i18n/words.ts";
import { Alone } from "./alone.tsx";

export function Blocked({ why }: { why: "insecure" | "storage" | "full" | "cookies" | "used_twice" }) {
  return (
    <Alone title={t(`blocked.${why}`)} text={t(`blocked.${why}_text`)}>
      <p class="hint">{t(`blocked.${why}_do`)}</p>
      <button type="button" class="button primary wide" onClick={() => location.reload()}>
        {why === "used_twice" ? t("blocked.use_here") : t("blocked.again")}
      </button>
    </Alone>
  );
}
