/** Who is banned from a room. Each ban can be lifted. */
import { useEffect, useState } from "preact/hooks";
import { moment } from "../../i18n/dates.ts";
import { t } from "../../i18n/words.ts";
import type { Ban, OpenRoom } from "../../state/room-model.ts";
import { Dialog } from "../basics/dialog.tsx";
import { FormProblem } from "../basics/problem.tsx";
import { useTask } from "../basics/task.ts";
import { PersonItem } from "../people/person-item.tsx";

export function BansDialog({ room, onClose }: { room: OpenRoom; onClose(): void }) {
  const task = useTask();
  const [bans, setBans] = useState<Ban[]>();
  const load = async () => setBans((await task.run(() => room.loadBans()))?.value);
  useEffect(() => void load(), []);
  const lift = async (ban: Ban) => {
    if ((await task.run(() => room.liftBan(ban.user.id))) !== undefined) {
      setBans(bans?.filter((one) => one !== ban));
    }
  };
  return (
    <Dialog title={t("details.bans")} onClose={onClose}>
      <FormProblem problem={task.problem} />
      {bans?.length === 0 ? <p class="hint">{t("bans.none")}</p> : null}
      <ul class="rows list-box" aria-busy={bans === undefined}>
        {(bans ?? []).map((ban) => (
          <PersonItem key={ban.user.id} person={ban.user} detail={wordsOf(ban)}>
            <button
              type="button"
              class="button small"
              aria-label={t("bans.lift_name", { name: ban.user.name })}
              disabled={task.isBusy}
              onClick={() => void lift(ban)}
            >
              {t("bans.lift")}
            </button>
          </PersonItem>
        ))}
      </ul>
    </Dialog>
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
