/** Turns the second factor on. That needs the network, so it is loaded when it is asked for. */
import { useEffect, useRef, useState } from "preact/hooks";
import { t } from "../../i18n/words.ts";
import { useApp } from "../app-context.ts";
import { CopyButton } from "../basics/copy-button.tsx";
import { Dialog } from "../basics/dialog.tsx";
import { Choice } from "../basics/field.tsx";
import { FormButtons } from "../basics/form-buttons.tsx";
import { FormProblem } from "../basics/problem.tsx";
import { CodeInput, ProofFields, useProof } from "../basics/proof.tsx";
import { useTask } from "../basics/task.ts";
import { lazy } from "../shell/lazy.tsx";

const QrCode = lazy(() => import("./qr-code.tsx"));

/** The password, then the secret for the app and a code of it, then the recovery codes. */
export default function SetUpDialog({ onClose }: { onClose(): void }) {
  const [secret, setSecret] = useState<{ secret: string; uri: string }>();
  const [codes, setCodes] = useState<string[]>();
  const [isNoted, setNoted] = useState(false);
  const loses = codes === undefined || isNoted ? undefined : t("second.lost");
  return (
    <Dialog title={t("second.set_up")} loses={loses} onClose={onClose}>
      {codes !== undefined ? (
        <RecoveryCodes codes={codes} isNoted={isNoted} onNoted={setNoted} onClose={onClose} />
      ) : secret !== undefined ? (
        <ConfirmForm {...secret} onClose={onClose} onDone={setCodes} />
      ) : (
        <PasswordForm onClose={onClose} onDone={setSecret} />
      )}
    </Dialog>
  );
}

function PasswordForm(props: { onClose(): void; onDone(secret: { secret: string; uri: string }): void }) {
  const { secondFactor } = useApp().session;
  const proof = useProof();
  return (
    <form
      class="form"
      onSubmit={async (event) => {
        event.preventDefault();
        const started = await proof.ask(({ password }) => secondFactor.start(password));
        if (started !== undefined) {
          props.onDone(started.value);
        }
      }}
    >
      <p>{t("second.password_text")}</p>
      <ProofFields proof={proof} />
      <FormProblem problem={proof.task.problem} fields={["password"]} />
      <FormButtons onCancel={props.onClose} submit={t("next")} isBusy={proof.task.isBusy} />
    </form>
  );
}

function ConfirmForm(props: { secret: string; uri: string; onClose(): void; onDone(codes: string[]): void }) {
  const { secondFactor } = useApp().session;
  const task = useTask();
  const [code, setCode] = useState("");
  const field = useRef<HTMLInputElement>(null);
  // The form before it has gone, and the focus with it.
  useEffect(() => field.current?.focus(), []);
  return (
    <form
      class="form"
      onSubmit={async (event) => {
        event.preventDefault();
        const done = await task.run(() => secondFactor.confirm(code.replace(/[\s-]/g, "")));
        if (done !== undefined) {
          props.onDone(done.value);
        }
      }}
    >
      <p>{t("second.scan")}</p>
      <QrCode text={props.uri} label={t("second.qr")} />
      <p class="hint">{t("second.type")}</p>
      <p class="passphrase" dir="ltr">
        {(props.secret.match(/.{1,4}/g) ?? []).join(" ")}
      </p>
      <CodeInput
        value={code}
        onValue={setCode}
        inputRef={field}
        problem={task.problem}
        hint={t("second.code_hint")}
      />
      <FormProblem problem={task.problem} fields={["code"]} />
      <FormButtons onCancel={props.onClose} submit={t("second.confirm")} isBusy={task.isBusy} />
    </form>
  );
}

function RecoveryCodes(props: {
  codes: readonly string[];
  isNoted: boolean;
  onNoted(isNoted: boolean): void;
  onClose(): void;
}) {
  const { codes, isNoted, onClose } = props;
  const head = useRef<HTMLParagraphElement>(null);
  useEffect(() => head.current?.focus(), []);
  return (
    <>
      <p ref={head} tabIndex={-1} role="status">
        {t("second.is_on")}
      </p>
      <ul class="passphrase codes" dir="ltr">
        {codes.map((code) => (
          <li key={code}>{code}</li>
        ))}
      </ul>
      <div class="buttons">
        <CopyButton class="button small" label={t("second.copy")} text={codes.join("\n")} />
      </div>
      <Choice
        label={t("second.noted")}
        hint={t("second.noted_hint")}
        isOn={isNoted}
        onChange={props.onNoted}
      />
      <div class="buttons end">
        <button type="button" class="button primary" disabled={!isNoted} onClick={onClose}>
          {t("done")}
        </button>
      </div>
    </>
  );
}
