/** Logging in, and registering. */
import { useRef, useState } from "preact/hooks";
import type { Id } from "../../core/id.ts";
import { t } from "../../i18n/words.ts";
import type { Problem } from "../../state/answer.ts";
import { useApp } from "../app-context.ts";
import { Choice, Field } from "../basics/field.tsx";
import { ProblemText, useNow, wordsOf } from "../basics/problem.tsx";
import { useTask } from "../basics/task.ts";
import { Alone } from "./alone.tsx";
import { DeviceChoice } from "./device-choice.tsx";
import { isSharedComputer } from "./shared.ts";

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
  const task = useTask();
  const [username, setUsername] = useState(props.lastUsername ?? "");
  const [displayName, setDisplayName] = useState("");
  const [password, setPassword] = useState("");
  const [code, setCode] = useState("");
  const [asksCode, setAsksCode] = useState(false);
  const passwordField = useRef<HTMLInputElement>(null);
  const { problem } = task;
  const needsCode = problem?.key === "problem.code_needed" || problem?.key === "problem.code_wrong";
  const now = useNow(problem?.retryAt ?? 0);
  const mustWait = problem?.retryAt !== undefined && now < problem.retryAt;

  const logIn = (replaces?: Id) =>
    session.login({
      username: username.trim(),
      password,
      isShared: isSharedComputer.peek(),
      ...(code === "" ? {} : { code: code.replace(/\s/g, "") }),
      ...(replaces === undefined ? {} : { replaces }),
    });

  const submit = async (replaces?: Id) => {
    if (props.mode === "register") {
      const form = { username: username.trim(), password };
      const name = displayName.trim();
      const registered = await task.run(() =>
        session.register(name === "" ? form : { ...form, displayName: name }),
      );
      if (registered === undefined) {
        return;
      }
    }
    const done = await task.run(async () => {
      const answer = await logIn(replaces);
      if (!answer.ok && answer.problem.key === "problem.code_needed") {
        setAsksCode(true);
      }
      return answer;
    });
    if (done !== undefined) {
      setPassword("");
    } else if (!asksCode) {
      passwordField.current?.select();
    }
  };

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
          error={fieldError(problem, "username")}
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
          error={fieldError(problem, "display_name")}
        />
      ) : null}
      <Field
        label={t("login.password")}
        type="password"
        name="password"
        autocomplete={props.mode === "register" ? "new-password" : "current-password"}
        value={password}
        onValue={setPassword}
        inputRef={passwordField}
        hint={props.mode === "register" ? t("register.password_hint") : undefined}
        error={fieldError(problem, "password")}
        required
      />
      {asksCode ? (
        <Field
          label={t("login.code")}
          name="code"
          autocomplete="one-time-code"
          inputMode="numeric"
          value={code}
          onValue={setCode}
          hint={t("login.code_hint")}
          error={problem?.key === "problem.code_wrong" ? wordsOf(problem) : undefined}
        />
      ) : null}
      <Choice
        label={t("login.shared")}
        hint={t("login.shared_hint")}
        isOn={isSharedComputer.value}
        onChange={(isOn) => {
          isSharedComputer.value = isOn;
        }}
      />
      {problem === undefined || needsCode || fieldOf(problem) !== undefined ? null : (
        <ProblemText problem={forLogin(problem)} />
      )}
      <button type="submit" class="button primary wide" disabled={task.isBusy || mustWait}>
        {props.mode === "register" ? t("register.submit") : t("login.submit")}
      </button>
    </form>
  );
}

/** At a login, `unauthorized` is about the password. */
function forLogin(problem: Problem): Problem {
  return problem.key === "problem.unauthorized" ? { ...problem, key: "problem.wrong_password" } : problem;
}

function fieldOf(problem: Problem): string | undefined {
  const known = ["username", "password", "display_name"];
  const field = problem.key === "problem.username_taken" ? "username" : problem.field;
  return field !== undefined && known.includes(field) ? field : undefined;
}

function fieldError(problem: Problem | undefined, field: string): string | undefined {
  return problem !== undefined && fieldOf(problem) === field ? wordsOf(problem) : undefined;
}
