/** A request to the relay and what became of it, for a form. */
import { useRef, useState } from "preact/hooks";
import type { Answer, Problem } from "../../state/answer.ts";
import { problemOfError } from "../../state/failure.ts";

export interface Task {
  isBusy: boolean;
  problem: Problem | undefined;
  /** Runs a request if none runs. Returns its value, or `undefined` after a problem. */
  run<T>(request: () => Answer<T>): Promise<{ value: T } | undefined>;
  clear(): void;
}

export function useTask(): Task {
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem>();
  // Two clicks in one frame see the same state.
  const runs = useRef(false);
  return {
    isBusy,
    problem,
    clear: () => setProblem(undefined),
    async run(request) {
      if (runs.current) {
        return undefined;
      }
      runs.current = true;
      setBusy(true);
      setProblem(undefined);
      try {
        const answer = await request();
        if (answer.ok) {
          return { value: answer.value };
        }
        setProblem(answer.problem);
        return undefined;
      } catch (error) {
        setProblem(problemOfError(error));
        return undefined;
      } finally {
        runs.current = false;
        setBusy(false);
      }
    },
  };
}
