/** Bans a member, for some time or for good. */
import { useState } from "preact/hooks";
import { t } from "../../i18n/words.ts";
import type { Member, OpenRoom } from "../../state/room-model.ts";
import { Dialog } from "../basics/dialog.tsx";
import { Segments } from "../basics/field.tsx";
import { ProblemText } from "../basics/problem.tsx";
import { useTask } from "../basics/task.ts";

const DAY = 86_400_000;

export function BanDialog({ room, member, onClose }: { room: OpenRoom; member: Member; onClose(): void }) {
  const task = useTask();
  const [span, setSpan] = useState<"day" | "week" | "forever">("day");
  const until = { day: Date.now() + DAY, week: Date.now() + 7 * DAY, forever: undefined }[span];
  return (
    <Dialog title={t("ban.title", { name: member.name })} onClose={onClose}>
      <p>{t("ban.text")}</p>
      <Segments
        label={t("ban.how_long")}
        value={span}
        onChange={(chosen) => setSpan(chosen)}
        options={(["day", "week", "forever"] as const).map((value) => ({ value, label: t(`ban.${value}`) }))}
      />
      {task.problem === undefined ? null : <ProblemText problem={task.problem} />}
      <div class="buttons end">
        <button type="button" class="button" onClick={onClose}>
          {t("cancel")}
        </button>
        <button
          type="button"
          class="button danger"
          disabled={task.isBusy}
          onClick={async () => {
            if ((await task.run(() => room.ban(member.user, until))) !== undefined) {
              onClose();
            }
          }}
        >
          {t("details.ban")}
        </button>
      </div>
    </Dialog>
  );
}
