/** Adds people to a room, or invites them. */
import { useState } from "preact/hooks";
import type { Id } from "../../core/id.ts";
import { t } from "../../i18n/words.ts";
import type { OpenRoom } from "../../state/room-model.ts";
import { Dialog } from "../basics/dialog.tsx";
import { ProblemText } from "../basics/problem.tsx";
import { useTask } from "../basics/task.ts";
import { PeopleFinder } from "../people/people-finder.tsx";

export default function InviteDialog({ room, onClose }: { room: OpenRoom; onClose(): void }) {
  const task = useTask();
  const [done, setDone] = useState<ReadonlyMap<Id, "added" | "invited">>(new Map());
  const members = new Set(room.members.value.map(({ user }) => user));
  const may = room.may.value;
  const act = async (user: Id, what: "added" | "invited") => {
    const asked = await task.run(() => (what === "added" ? room.addMember(user) : room.invite(user)));
    if (asked !== undefined) {
      setDone(new Map([...done, [user, what]]));
    }
  };
  const withdraw = async (user: Id) => {
    if ((await task.run(() => room.withdrawInvitation(user))) !== undefined) {
      setDone(new Map([...done].filter(([one]) => one !== user)));
    }
  };
  return (
    <Dialog title={t("details.invite")} onClose={onClose}>
      {task.problem === undefined ? null : <ProblemText problem={task.problem} />}
      <PeopleFinder
        action={({ id }) => {
          const what = done.get(id);
          if (what !== undefined) {
            return (
              <span class="buttons">
                <span class="chip good">{t(`invite.${what}`)}</span>
                {what === "invited" ? (
                  <button type="button" class="button small" onClick={() => void withdraw(id)}>
                    {t("open_invitations.withdraw")}
                  </button>
                ) : null}
              </span>
            );
          }
          if (members.has(id)) {
            return <span class="chip">{t("invite.is_member")}</span>;
          }
          return (
            <span class="buttons">
              {may.add ? (
                <button type="button" class="button small" onClick={() => void act(id, "added")}>
                  {t("invite.add")}
                </button>
              ) : null}
              {may.invite ? (
                <button type="button" class="button small" onClick={() => void act(id, "invited")}>
                  {t("invite.invite")}
                </button>
              ) : null}
            </span>
          );
        }}
      />
    </Dialog>
  );
}
