/** Logs another device out. The relay asks for the password if it was not given for some time. */
import { useState } from "preact/hooks";
import type { Id } from "../../core/id.ts";
import { t } from "../../i18n/words.ts";
import { useApp } from "../app-context.ts";
import { Dialog } from "../basics/dialog.tsx";
import { FormButtons } from "../basics/form-buttons.tsx";
import { FormProblem } from "../basics/problem.tsx";
import { ProofFields, useProof } from "../basics/proof.tsx";

interface Props {
  device: { id: Id; name: string };
  /** The relay has asked for the password already. */
  asksPassword?: boolean;
  onClose(): void;
}

export function LogOutDialog({ device, asksPassword = false, onClose }: Props) {
  const { session } = useApp();
  const proof = useProof();
  const [asks, setAsks] = useState(asksPassword);
  const { task } = proof;
  const logOut = () =>
    asks
      ? proof.ask((given) => session.logOutDevice(device.id, given))
      : task.run(async () => {
          const answer = await session.logOutDevice(device.id);
          if (!answer.ok && answer.problem.key === "problem.password_needed") {
            setAsks(true);
          }
          return answer;
        });
  const needs = task.problem?.key === "problem.password_needed";
  return (
    <Dialog title={t("device.log_out_name", { name: device.name })} onClose={onClose}>
      <form
        class="form"
        onSubmit={async (event) => {
          event.preventDefault();
          if ((await logOut()) !== undefined) {
            onClose();
          }
        }}
      >
        <p>{t("device.log_out_text")}</p>
        {asks ? <ProofFields proof={proof} hint={t("problem.password_needed")} /> : null}
        <FormProblem problem={needs ? undefined : task.problem} fields={["password", "code"]} />
        <FormButtons submit={t("device.log_out")} isBusy={task.isBusy} isDanger onCancel={onClose} />
      </form>
    </Dialog>
  );
}
