/** Why the user may not write here. */
import { moment } from "../../i18n/dates.ts";
import { t } from "../../i18n/words.ts";
import { Icon } from "../basics/icon.tsx";

export function Closed(props: {
  why: "not_member" | "muted" | "blocked" | "read_only";
  until: number | undefined;
}) {
  const words =
    props.why === "muted" && props.until !== undefined
      ? t("closed.muted_until", { when: moment(props.until) })
      : t(`closed.${props.why}`);
  return (
    <p class="closed-line">
      <Icon name={props.why === "not_member" ? "out" : "lock"} size={18} />
      {words}
    </p>
  );
}
