/** The password, and a code where the account has a second factor: what proves who asks. */
import type { RefObject } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { t } from "../../i18n/words.ts";
import type { Answer, Problem } from "../../state/answer.ts";
import type { Proof } from "../../state/session-model.ts";
import { Field } from "./field.tsx";
import { errorOf, fieldOf } from "./problem.tsx";
import { type Task, useTask } from "./task.ts";

export interface ProofForm {
  task: Task;
  password: string;
  code: string;
  asksCode: boolean;
  fields: { password: RefObject<HTMLInputElement | null>; code: RefObject<HTMLInputElement | null> };
  setPassword(password: string): void;
  setCode(code: string): void;
  /** Makes a request with what is typed. Asks for the code when the relay wants one. */
  ask<T>(request: (proof: Proof) => Answer<T>): Promise<{ value: T } | undefined>;
}

/** With `isCoded` the code is asked for from the beginning. */
export function useProof(isCoded = false): ProofForm {
  const task = useTask();
  const [password, setPassword] = useState("");
  const [code, setCode] = useState("");
  const [asksCode, setAsksCode] = useState(isCoded);
  const fields = {
    password: useRef<HTMLInputElement>(null),
    code: useRef<HTMLInputElement>(null),
  };
  const { problem } = task;
  useEffect(() => {
    // The user corrects what was wrong without a search for its field. A login that is rejected
    // names none. Another field has the focus already.
    if (problem !== undefined && isOfCode(problem)) {
      fields.code.current?.select();
    } else if (problem?.retryAt === undefined && isOfPassword(problem)) {
      fields.password.current?.select();
    }
  }, [problem]);
  return {
    task,
    password,
    code,
    asksCode,
    fields,
    setPassword,
    setCode,
    async ask(request) {
      const plain = code.replace(/[\s-]/g, "");
      const done = await task.run(async () => {
        const answer = await request(plain === "" ? { password } : { password, code: plain });
        if (!answer.ok && isOfCode(answer.problem)) {
          setAsksCode(true);
        }
        return answer;
      });
      if (done !== undefined) {
        setPassword("");
        setCode("");
      }
      return done;
    },
  };
}

export function ProofFields(props: {
  proof: ProofForm;
  label?: string;
  hint?: string | undefined;
  /** The user chooses the password, and does not repeat it. */
  isNew?: boolean;
}) {
  const { proof } = props;
  return (
    <>
      <Field
        label={props.label ?? t("login.password")}
        type="password"
        name="password"
        autocomplete={props.isNew === true ? "new-password" : "current-password"}
        value={proof.password}
        onValue={proof.setPassword}
        inputRef={proof.fields.password}
        hint={props.hint}
        error={errorOf(proof.task.problem, "password")}
        required
      />
      {proof.asksCode ? <CodeField proof={proof} /> : null}
    </>
  );
}

function CodeField({ proof }: { proof: ProofForm }) {
  return (
    <CodeInput
      value={proof.code}
      onValue={proof.setCode}
      inputRef={proof.fields.code}
      problem={proof.task.problem}
      hint={t("login.code_hint")}
    />
  );
}

/** A code of an app. A recovery code has letters, so the keyboard must have them too. */
export function CodeInput(props: {
  value: string;
  onValue(value: string): void;
  inputRef?: RefObject<HTMLInputElement | null>;
  problem: Problem | undefined;
  hint: string;
}) {
  return (
    <Field
      label={t("login.code")}
      name="code"
      autocomplete="one-time-code"
      value={props.value}
      onValue={props.onValue}
      {...(props.inputRef === undefined ? {} : { inputRef: props.inputRef })}
      hint={props.hint}
      // That a code is needed is no fault of the user.
      error={props.problem?.key === "problem.code_needed" ? undefined : errorOf(props.problem, "code")}
      required
    />
  );
}

function isOfPassword(problem: Problem | undefined): boolean {
  return problem !== undefined && (fieldOf(problem) ?? "password") === "password";
}

function isOfCode(problem: Problem): boolean {
  return fieldOf(problem) === "code";
}
