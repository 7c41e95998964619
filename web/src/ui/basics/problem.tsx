/** What went wrong, and what to do. A wait counts down. */
import { useEffect, useState } from "preact/hooks";
import { countdown } from "../../i18n/dates.ts";
import { lookUp, t } from "../../i18n/words.ts";
import type { Problem } from "../../state/answer.ts";
import { everySecond } from "../device.ts";
import { ErrorText } from "./error-text.tsx";

/** Returns the words for a problem. A code without words shows the relay's. */
export function wordsOf(problem: Problem): string {
  const known = lookUp(problem.key, problem.values);
  if (known !== undefined && problem.key !== "problem.unknown") {
    return known;
  }
  const code = String(problem.values["code"] ?? problem.key.replace(/^problem\./, ""));
  return t("problem.unknown", { detail: problem.detail ?? "", code });
}

export function ProblemText({ problem }: { problem: Problem }) {
  return (
    <ErrorText>
      {wordsOf(problem)} {problem.retryAt === undefined ? null : <Wait until={problem.retryAt} />}
    </ErrorText>
  );
}

/** Returns the field of a form that a problem is about. */
export function fieldOf({ key, field }: Problem): string | undefined {
  switch (key) {
    case "problem.code_needed":
    case "problem.code_wrong":
      return "code";
    case "problem.username_taken":
      return "username";
    default:
      return field;
  }
}

/** Returns what a field of a form shows of a problem. */
export function errorOf(problem: Problem | undefined, field: string): string | undefined {
  return problem !== undefined && fieldOf(problem) === field ? wordsOf(problem) : undefined;
}

/** Shows a problem of a form, unless one of its `fields` shows it. */
export function FormProblem(props: { problem: Problem | undefined; fields?: readonly string[] }) {
  const { problem, fields = [] } = props;
  const field = problem === undefined ? undefined : fieldOf(problem);
  if (problem === undefined || (field !== undefined && fields.includes(field))) {
    return null;
  }
  return <ProblemText problem={problem} />;
}

/** How long is left. Says when it is over. */
export function Wait({ until }: { until: number }) {
  const now = useNow(until);
  // A screen reader says when it is over, and not each second until then.
  return now >= until ? (
    <span>{t("wait.over")}</span>
  ) : (
    <span role="timer" aria-live="off">
      {t("wait.left", { time: countdown(until - now) })}
    </span>
  );
}

/** The time, each second until a moment. */
export function useNow(until: number): number {
  const [now, setNow] = useState(Date.now());
  // A new moment may have come long after the last tick.
  useEffect(() => setNow(Date.now()), [until]);
  const isOver = now >= until;
  useEffect(() => (isOver ? undefined : everySecond(() => setNow(Date.now()))), [isOver, until]);
  return now;
}
