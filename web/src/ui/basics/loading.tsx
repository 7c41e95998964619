/** What a screen asks for as it opens: that it waits, why it has nothing, and what then helps. */
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { t } from "../../i18n/words.ts";
import type { Answer } from "../../state/answer.ts";
import { ProblemText } from "./problem.tsx";
import { useTask } from "./task.ts";

export interface Loading<T> {
  /** What came last. */
  came: { value: T } | undefined;
  /** It is asked for, or will be in a moment. */
  isBusy: boolean;
  /** Asks again. */
  again(): void;
  problem: ReturnType<typeof useTask>["problem"];
}

/** Makes a request as the screen opens, and again when the user asks for it. */
export function useLoad<T>(request: () => Answer<T>): Loading<T> {
  const { problem, run } = useTask();
  const [came, setCame] = useState<{ value: T }>();
  const again = async () => {
    const answer = await run(request);
    setCame((before) => answer ?? before);
  };
  useEffect(() => void again(), []);
  return {
    came,
    isBusy: came === undefined && problem === undefined,
    again: () => void again(),
    problem,
  };
}

/**
 * Shows what was asked for. While nothing `is` there, it says that it waits, or why nothing came.
 * Only an answer without anything is `empty`.
 */
export function Loaded(props: {
  of: Pick<Loading<unknown>, "isBusy" | "problem" | "again">;
  is: boolean;
  empty?: ComponentChildren;
  children?: ComponentChildren;
}) {
  const { isBusy, problem, again } = props.of;
  return (
    <>
      {problem === undefined ? null : (
        <div class="failed">
          <ProblemText problem={problem} />
          <button type="button" class="button small" onClick={again}>
            {t("try_again")}
          </button>
        </div>
      )}
      {props.is ? props.children : isBusy ? <Waiting /> : problem === undefined ? props.empty : null}
    </>
  );
}

/** Waits. What comes at once shows nothing of it. */
export function Waiting() {
  return (
    <p class="waiting late" role="status">
      <span class="spinner" aria-hidden="true" />
      {t("loading")}
    </p>
  );
}
