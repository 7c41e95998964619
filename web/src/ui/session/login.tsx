/** Logging in, and registering. */
import { useEffect, useState } from "preact/hooks";
import type { Id } from "../../core/id.ts";
import { quietly } from "../../core/quietly.ts";
import { t } from "../../i18n/words.ts";
import type { Answer } from "../../state/answer.ts";
import type { Proof } from "../../state/session-model.ts";
import { useApp } from "../app-context.ts";
import { Choice, Field } from "../basics/field.tsx";
import { errorOf, FormProblem, useNow } from "../basics/problem.tsx";
import { ProofFields, useProof } from "../basics/proof.tsx";
import { Alone } from "./alone.tsx";
import { DeviceChoice } from "./device-choice.tsx";

type Mode = "login" | "register";

export function Login({ lastUsername }: { lastUsername: string | undefined }) {
  const [mode, setMode] = useState<Mode>("login");
  const title = mode === "login" ? t("login.title") : t("register.title");
  return (
    <Alone title={title} text={mode === "login" ? t("login.text") : t("register.text")}>
      <LoginForm key={mode} mode={mode} lastUsername={lastUsername} />
      <p class="hint">
        {mode === "login" ? t("login.no_account") : t("register.has_account")}{" "}
        <button
          type="button"
          class="button quiet small"
          onClick={() => setMode(mode === "login" ? "register" : "login")}
        >
          {mode === "login" ? t("register.go") : t("login.go")}
        </button>
      </p>
    </Alone>
  );
}

export function LoginForm(props: { mode: Mode; lastUsername?: string | undefined; isNameFixed?: boolean }) {
  const { session } = useApp();
  const proof = useProof();
  const { task } = proof;
  const [username, setUsername] = useState(props.lastUsername ?? "");
  const [displayName, setDisplayName] = useState("");
  const [isShared, setShared] = useState(false);
  /** The account that this form has created. Only the login is left to do. */
  const [created, setCreated] = useState<string>();
  const { problem } = task;
  const now = useNow(problem?.retryAt ?? 0);
  const mustWait = problem?.retryAt !== undefined && now < problem.retryAt;
  const name = username.trim();
  const isNew = props.mode === "register" && created !== name;

  const logIn = (given: Proof, replaces?: Id) =>
    session.login({
      ...given,
      username: name,
      isShared,
      ...(replaces === undefined ? {} : { replaces }),
    });

  const register = async ({ password }: Proof): Answer => {
    const shown = displayName.trim();
    const form = { username: name, password };
    const answer = await session.register(shown === "" ? form : { ...form, displayName: shown });
    if (answer.ok) {
      setCreated(name);
    }
    return answer;
  };

  const submit = (replaces?: Id) =>
    proof.ask(async (given) => {
      if (isNew) {
        const answer = await register(given);
        if (!answer.ok) {
          return answer;
        }
      }
      return logIn(given, replaces);
    });

  if (problem?.key === "problem.device_limit") {
    return <DeviceChoice isBusy={task.isBusy} onChoose={(device) => submit(device)} onBack={task.clear} />;
  }
  return (
    <form
      class="form"
      onSubmit={(event) => {
        event.preventDefault();
        void submit();
      }}
    >
      {props.isNameFixed === true ? null : (
        <Field
          label={t("login.username")}
          name="username"
          autocomplete="username"
          value={username}
          onValue={setUsername}
          hint={props.mode === "register" ? t("register.username_hint") : undefined}
          error={errorOf(problem, "username")}
          required
        />
      )}
      {props.mode === "register" ? (
        <Field
          label={t("register.display_name")}
          name="name"
          autocomplete="name"
          value={displayName}
          onValue={setDisplayName}
          hint={t("register.display_name_hint")}
          error={errorOf(problem, "display_name")}
        />
      ) : null}
      <ProofFields
        proof={proof}
        hint={props.mode === "register" ? t("register.password_hint") : undefined}
        isNew={props.mode === "register"}
      />
      <Choice label={t("login.shared")} hint={t("login.shared_hint")} isOn={isShared} onChange={setShared} />
      <PrivateWindow />
      {created === name ? <p role="status">{t("register.created")}</p> : null}
      <FormProblem problem={problem} fields={["username", "password", "display_name", "code"]} />
      <button type="submit" class="button primary wide" disabled={task.isBusy || mustWait}>
        {isNew ? t("register.submit") : t("login.submit")}
      </button>
    </form>
  );
}

/** No browser tells whether a window is private. In one that is, nothing is ever protected. */
function PrivateWindow() {
  const { history } = useApp();
  const [isKnown, setKnown] = useState(false);
  useEffect(() => quietly(history.refresh().then(() => setKnown(true))), []);
  const isProtected = !isKnown || history.status.value.protection === "protected";
  return isProtected ? null : <p class="hint">{t("private_window")}</p>;
}
