/** Who is invited to a room and has not answered. Each invitation can be withdrawn. */
import { ago } from "../../i18n/dates.ts";
import { t } from "../../i18n/words.ts";
import type { OpenInvitation, OpenRoom } from "../../state/room-model.ts";
import { PeopleDialog } from "./people-dialog.tsx";

export function OpenInvitationsDialog({ room, onClose }: { room: OpenRoom; onClose(): void }) {
  return (
    <PeopleDialog<OpenInvitation>
      title={t("details.invitations")}
      none={t("open_invitations.none")}
      load={() => room.loadInvitations()}
      detailOf={({ by, at }) => t("open_invitations.by", { name: by, when: ago(at) })}
      act={t("open_invitations.withdraw")}
      actOn={(name) => t("open_invitations.withdraw_name", { name })}
      run={({ user }) => room.withdrawInvitation(user.id)}
      onClose={onClose}
    />
  );
}
