/** Bans a member, for some time or for good. */
import { useState } from "preact/hooks";
import { t } from "../../i18n/words.ts";
import type { Member, OpenRoom } from "../../state/room-model.ts";
import { Dialog } from "../basics/dialog.tsx";
import { Field, Segments } from "../basics/field.tsx";
import { errorOf, FormProblem } from "../basics/problem.tsx";
import { useTask } from "../basics/task.ts";

const DAY = 86_400_000;

export function BanDialog({ room, member, onClose }: { room: OpenRoom; member: Member; onClose(): void }) {
  const task = useTask();
  const [span, setSpan] = useState<"day" | "week" | "forever">("day");
  const [reason, setReason] = useState("");
  const formOf = () => {
    const days = { day: 1, week: 7, forever: undefined }[span];
    const why = reason.trim();
    return {
      ...(days === undefined ? {} : { until: Date.now() + days * DAY }),
      ...(why === "" ? {} : { reason: why }),
    };
  };
  return (
    <Dialog
      title={t("ban.title", { name: member.name })}
      loses={reason.trim() === "" ? undefined : t("dialog.typed")}
      onClose={onClose}
    >
      <p>{t("ban.text")}</p>
      <Segments
        label={t("ban.how_long")}
        value={span}
        onChange={(chosen) => setSpan(chosen)}
        options={(["day", "week", "forever"] as const).map((value) => ({ value, label: t(`ban.${value}`) }))}
      />
      <Field
        label={t("ban.reason")}
        value={reason}
        onValue={setReason}
        hint={t("ban.reason_hint")}
        maxLength={200}
        error={errorOf(task.problem, "reason")}
      />
      <FormProblem problem={task.problem} fields={["reason"]} />
      <div class="buttons end">
        <button type="button" class="button" onClick={onClose}>
          {t("cancel")}
        </button>
        <button
          type="button"
          class="button danger"
          disabled={task.isBusy}
          onClick={async () => {
            if ((await task.run(() => room.ban(member.user, formOf()))) !== undefined) {
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
