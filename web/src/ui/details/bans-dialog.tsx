/** Who is banned from a room. Each ban can be lifted. */
import { moment } from "../../i18n/dates.ts";
import { t } from "../../i18n/words.ts";
import type { Ban, OpenRoom } from "../../state/room-model.ts";
import { PeopleDialog } from "./people-dialog.tsx";

export function BansDialog({ room, onClose }: { room: OpenRoom; onClose(): void }) {
  return (
    <PeopleDialog<Ban>
      title={t("details.bans")}
      none={t("bans.none")}
      load={() => room.loadBans()}
      detailOf={wordsOf}
      act={t("bans.lift")}
      actOn={(name) => t("bans.lift_name", { name })}
      run={({ user }) => room.liftBan(user.id)}
      onClose={onClose}
    />
  );
}

function wordsOf({ by, until, reason }: Ban): string {
  const parts = [
    until === undefined ? t("ban.forever") : t("bans.until", { when: moment(until) }),
    by === undefined ? "" : t("bans.by", { name: by }),
    reason ?? "",
  ];
  return parts.filter((part) => part !== "").join(" · ");
}
