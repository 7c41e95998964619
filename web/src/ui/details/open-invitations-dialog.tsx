/** Who is invited to a room and has not answered. Each invitation can be withdrawn. */
import { useEffect, useState } from "preact/hooks";
import { ago } from "../../i18n/dates.ts";
import { t } from "../../i18n/words.ts";
import type { OpenInvitation, OpenRoom } from "../../state/room-model.ts";
import { Dialog } from "../basics/dialog.tsx";
import { FormProblem } from "../basics/problem.tsx";
import { useTask } from "../basics/task.ts";
import { PersonItem } from "../people/person-item.tsx";

export function OpenInvitationsDialog({ room, onClose }: { room: OpenRoom; onClose(): void }) {
  const task = useTask();
  const [open, setOpen] = useState<OpenInvitation[]>();
  const load = async () => setOpen((await task.run(() => room.loadInvitations()))?.value);
  useEffect(() => void load(), []);
  const withdraw = async (invitation: OpenInvitation) => {
    if ((await task.run(() => room.withdrawInvitation(invitation.user.id))) !== undefined) {
      setOpen(open?.filter((one) => one !== invitation));
    }
  };
  return (
    <Dialog title={t("details.invitations")} onClose={onClose}>
      <FormProblem problem={task.problem} />
      {open?.length === 0 ? <p class="hint">{t("open_invitations.none")}</p> : null}
      <ul class="rows list-box" aria-busy={open === undefined}>
        {(open ?? []).map((invitation) => (
          <PersonItem
            key={invitation.user.id}
            person={invitation.user}
            detail={t("open_invitations.by", { name: invitation.by, when: ago(invitation.at) })}
          >
            <button
              type="button"
              class="button small"
              aria-label={t("open_invitations.withdraw_name", { name: invitation.user.name })}
              disabled={task.isBusy}
              onClick={() => void withdraw(invitation)}
            >
              {t("open_invitations.withdraw")}
            </button>
          </PersonItem>
        ))}
      </ul>
    </Dialog>
  );
}
