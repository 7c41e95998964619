/** What went wrong, and what to do. A wait counts down. */
import { useEffect, useState } from "preact/hooks";
import { countdown } from "../../i18n/dates.ts";
import { lookUp, t } from "../../i18n/words.ts";
import type { Problem } from "../../state/answer.ts";
import { everySecond } from "../device.ts";
import { Icon } from "./icon.tsx";

/** Returns the words for a problem. A code without words shows the relay's. */
export function wordsOf(problem: Problem): string {
  const known = lookUp(problem.key, problem.values);
  if (known !== undefined && problem.key !== "problem.unknown") {
    return known;
  }
  const code = String(problem.values["code"] ?? problem.key.replace(/^problem\./, ""));
  return t("problem.unknown", { detail: problem.detail ?? "", code });
}

export function ProblemText({ problem, isAlert = true }: { problem: Problem; isAlert?: boolean }) {
  return (
    <p class="error" role={isAlert ? "alert" : undefined}>
      <Icon name="warning" size={16} />
      <span>
        {wordsOf(problem)} {problem.retryAt === undefined ? null : <Wait until={problem.retryAt} />}
      </span>
    </p>
  );
}

/** How long is left. Says when it is over. */
export function Wait({ until }: { until: number }) {
  const now = useNow(until);
  return <span>{now >= until ? t("wait.over") : t("wait.left", { time: countdown(until - now) })}</span>;
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
