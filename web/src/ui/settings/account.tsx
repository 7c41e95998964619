/** The name, the password, and the end of an account. */
import { useState } from "preact/hooks";
import { t } from "../../i18n/words.ts";
import { useApp } from "../app-context.ts";
import { Dialog } from "../basics/dialog.tsx";
import { Field } from "../basics/field.tsx";
import { ProblemText, wordsOf } from "../basics/problem.tsx";
import { type Task, useTask } from "../basics/task.ts";

export function Account() {
  const [asks, setAsks] = useState(false);
  return (
    <>
      <Profile />
      <Password />
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

function Profile() {
  const { session } = useApp();
  const me = session.me.value;
  const task = useTask();
  const [name, setName] = useState(me?.displayName ?? "");
  const [email, setEmail] = useState(me?.email ?? "");
  const [isSaved, setSaved] = useState(false);
  return (
    <form
      class="form"
      onSubmit={async (event) => {
        event.preventDefault();
        const done = await task.run(() =>
          session.changeProfile({ displayName: name.trim(), email: email.trim() }),
        );
        setSaved(done !== undefined);
      }}
    >
      <dl class="facts">
        <dt>{t("login.username")}</dt>
        <dd>
          @<bdi>{me?.username}</bdi>
        </dd>
      </dl>
      <Field
        label={t("register.display_name")}
        value={name}
        onValue={setName}
        hint={t("register.display_name_hint")}
        error={errorOf(task, "display_name")}
      />
      <Field
        label={t("account.email")}
        type="email"
        value={email}
        onValue={setEmail}
        hint={t("account.email_hint")}
        error={errorOf(task, "email")}
      />
      {task.problem === undefined || task.problem.field !== undefined ? null : (
        <ProblemText problem={task.problem} />
      )}
      <Saved is={isSaved} />
      <div class="buttons">
        <button type="submit" class="button primary" disabled={task.isBusy}>
          {t("save")}
        </button>
      </div>
    </form>
  );
}

function Password() {
  const { session } = useApp();
  const task = useTask();
  const [before, setBefore] = useState("");
  const [after, setAfter] = useState("");
  const [code, setCode] = useState("");
  const [asksCode, setAsksCode] = useState(false);
  const [isSaved, setSaved] = useState(false);
  return (
    <form
      class="form"
      onSubmit={async (event) => {
        event.preventDefault();
        const done = await task.run(async () => {
          const answer = await session.changePassword(before, after, code === "" ? undefined : code);
          if (!answer.ok && answer.problem.key === "problem.code_needed") {
            setAsksCode(true);
          }
          return answer;
        });
        setSaved(done !== undefined);
        if (done !== undefined) {
          setBefore("");
          setAfter("");
          setCode("");
          setAsksCode(false);
        }
      }}
    >
      <h3>{t("account.password")}</h3>
      <Field
        label={t("account.password_before")}
        type="password"
        autocomplete="current-password"
        value={before}
        onValue={setBefore}
        error={task.problem?.key === "problem.unauthorized" ? t("account.password_wrong") : undefined}
        required
      />
      <Field
        label={t("account.password_after")}
        type="password"
        autocomplete="new-password"
        value={after}
        onValue={setAfter}
        hint={t("register.password_hint")}
        error={errorOf(task, "password")}
        required
      />
      {asksCode ? <CodeField value={code} onValue={setCode} /> : null}
      {task.problem === undefined ||
      task.problem.field !== undefined ||
      task.problem.key === "problem.unauthorized" ? null : (
        <ProblemText problem={task.problem} />
      )}
      <p class="hint">{t("account.password_hint")}</p>
      <Saved is={isSaved} />
      <div class="buttons">
        <button type="submit" class="button" disabled={task.isBusy || before === "" || after === ""}>
          {t("account.password_submit")}
        </button>
      </div>
    </form>
  );
}

function DeleteDialog({ onClose }: { onClose(): void }) {
  const { session } = useApp();
  const task = useTask();
  const [password, setPassword] = useState("");
  const [code, setCode] = useState("");
  const asksCode = task.problem?.key === "problem.code_needed" || task.problem?.key === "problem.code_wrong";
  return (
    <Dialog title={t("account.delete_title")} onClose={onClose}>
      <form
        class="form"
        onSubmit={async (event) => {
          event.preventDefault();
          await task.run(() => session.deleteAccount(password, code === "" ? undefined : code));
        }}
      >
        <p>{t("account.delete_text")}</p>
        <Field
          label={t("login.password")}
          type="password"
          autocomplete="current-password"
          value={password}
          onValue={setPassword}
          required
        />
        {asksCode || code !== "" ? <CodeField value={code} onValue={setCode} /> : null}
        {task.problem === undefined ? null : <ProblemText problem={task.problem} />}
        <div class="buttons end">
          <button type="button" class="button" onClick={onClose}>
            {t("cancel")}
          </button>
          <button type="submit" class="button danger" disabled={task.isBusy || password === ""}>
            {t("account.delete")}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

function CodeField({ value, onValue }: { value: string; onValue(value: string): void }) {
  return (
    <Field
      label={t("login.code")}
      autocomplete="one-time-code"
      inputMode="numeric"
      value={value}
      onValue={onValue}
      hint={t("login.code_hint")}
    />
  );
}

export function Saved({ is }: { is: boolean }) {
  return (
    <p class="hint" role="status">
      {is ? t("saved") : ""}
    </p>
  );
}

function errorOf({ problem }: Task, field: string): string | undefined {
  return problem?.field === field ? wordsOf(problem) : undefined;
}
