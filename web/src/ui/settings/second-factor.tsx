/** The second factor: codes of an app, which a login needs beside the password. */
import { useState } from "preact/hooks";
import { t } from "../../i18n/words.ts";
import { useApp } from "../app-context.ts";
import { Dialog } from "../basics/dialog.tsx";
import { FormButtons } from "../basics/form-buttons.tsx";
import { Icon } from "../basics/icon.tsx";
import { Loaded, useLoad } from "../basics/loading.tsx";
import { FormProblem } from "../basics/problem.tsx";
import { ProofFields, useProof } from "../basics/proof.tsx";
import { lazy } from "../shell/lazy.tsx";

const SetUpDialog = lazy(() => import("./second-factor-set-up.tsx"));

export function SecondFactorSection() {
  const { secondFactor } = useApp().session;
  const load = useLoad(() => secondFactor.load());
  const [open, setOpen] = useState<"set_up" | "end">();
  const status = secondFactor.status.value;
  const close = () => setOpen(undefined);
  return (
    <section>
      <h3>{t("second.title")}</h3>
      <p class="hint">{t("second.hint")}</p>
      <Loaded of={load} is={status !== undefined}>
        {status?.isOn === true ? (
          <>
            <div class="notice-box">
              <Icon name="shield" />
              <p>{t("second.on", { n: status.codesLeft })}</p>
            </div>
            <div class="buttons">
              <button type="button" class="button danger" onClick={() => setOpen("end")}>
                {t("second.end")}
              </button>
            </div>
          </>
        ) : (
          <div class="buttons">
            <button type="button" class="button" onClick={() => setOpen("set_up")}>
              {t("second.set_up")}
            </button>
          </div>
        )}
      </Loaded>
      {open === "set_up" ? <SetUpDialog onClose={close} /> : null}
      {open === "end" ? <EndDialog onClose={close} /> : null}
    </section>
  );
}

function EndDialog({ onClose }: { onClose(): void }) {
  const { secondFactor } = useApp().session;
  const proof = useProof(true);
  return (
    <Dialog title={t("second.end_title")} onClose={onClose}>
      <form
        class="form"
        onSubmit={async (event) => {
          event.preventDefault();
          if ((await proof.ask((given) => secondFactor.end(given))) !== undefined) {
            onClose();
          }
        }}
      >
        <p>{t("second.end_text")}</p>
        <ProofFields proof={proof} />
        <FormProblem problem={proof.task.problem} fields={["password", "code"]} />
        <FormButtons onCancel={onClose} submit={t("second.end")} isBusy={proof.task.isBusy} isDanger />
      </form>
    </Dialog>
  );
}
