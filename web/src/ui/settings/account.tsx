/** The name, the password, the second factor, and the end of an account. */
import { useState } from "preact/hooks";
import { t } from "../../i18n/words.ts";
import { useApp } from "../app-context.ts";
import { Dialog } from "../basics/dialog.tsx";
import { Field } from "../basics/field.tsx";
import { FormButtons } from "../basics/form-buttons.tsx";
import { errorOf, FormProblem } from "../basics/problem.tsx";
import { ProofFields, useProof } from "../basics/proof.tsx";
import { go } from "../route.ts";
import { Profile } from "./profile.tsx";
import { Saved } from "./saved.tsx";
import { SecondFactorSection } from "./second-factor.tsx";

export function Account() {
  const [asks, setAsks] = useState(false);
  return (
    <>
      <Profile />
      <Password />
      <SecondFactorSection />
      <section>
        <h3>{t("account.delete")}</h3>
        <p class="hint">{t("account.delete_hint")}</p>
        <div class="buttons">
          <button type="button" class="button danger" onClick={() => setAsks(true)}>
            {t("account.delete")}
          </button>
        </div>
        {asks ? <DeleteDialog onClose={() => setAsks(false)} /> : null}
      </section>
    </>
  );
}

function Password() {
  const { session } = useApp();
  const proof = useProof();
  const { task } = proof;
  const [after, setAfter] = useState("");
  const [isSaved, setSaved] = useState(false);
  return (
    <form
      class="form"
      aria-label={t("account.password")}
      onSubmit={async (event) => {
        event.preventDefault();
        setSaved(false);
        const done = await proof.ask((given) => session.changePassword(given, after));
        if (done !== undefined) {
          setSaved(true);
          setAfter("");
        }
      }}
    >
      <h3>{t("account.password")}</h3>
      <ProofFields proof={proof} label={t("account.password_before")} />
      <Field
        label={t("account.password_after")}
        type="password"
        autocomplete="new-password"
        value={after}
        onValue={setAfter}
        hint={t("register.password_hint")}
        error={errorOf(task.problem, "new_password")}
        required
      />
      <FormProblem problem={task.problem} fields={["password", "code", "new_password"]} />
      <p class="hint">{t("account.password_hint")}</p>
      <div class="buttons">
        <button type="submit" class="button" disabled={task.isBusy}>
          {t("account.password_submit")}
        </button>
        <Saved is={isSaved} />
      </div>
    </form>
  );
}

function DeleteDialog({ onClose }: { onClose(): void }) {
  const { session } = useApp();
  const proof = useProof();
  return (
    <Dialog title={t("account.delete_title")} onClose={onClose}>
      <form
        class="form"
        onSubmit={async (event) => {
          event.preventDefault();
          await proof.ask((given) => session.deleteAccount(given));
        }}
      >
        <p>{t("account.delete_text")}</p>
        <button
          type="button"
          class="button"
          onClick={() => {
            onClose();
            go({ at: "settings", section: "history" });
          }}
        >
          {t("logout.export_first")}
        </button>
        <ProofFields proof={proof} />
        <FormProblem problem={proof.task.problem} fields={["password", "code"]} />
        <FormButtons submit={t("account.delete")} isBusy={proof.task.isBusy} isDanger onCancel={onClose} />
      </form>
    </Dialog>
  );
}
