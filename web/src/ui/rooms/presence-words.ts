/** What is known of somebody's presence, and nothing more. */
import { ago } from "../../i18n/dates.ts";
import { t } from "../../i18n/words.ts";
import type { Presence } from "../../state/answer.ts";

export function presenceWords(presence: Presence | undefined): string {
  if (presence === "online" || presence === "away") {
    return t(`presence.${presence}`);
  }
  const seen = presence?.lastSeenAt;
  return seen === undefined ? t("presence.unknown") : t("presence.last_seen", { when: ago(seen) });
}
