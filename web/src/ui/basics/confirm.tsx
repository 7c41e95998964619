/** Asks before something is done that cannot be undone, or not easily. */
import type { Answer } from "../../state/answer.ts";
import { Dialog } from "./dialog.tsx";
import { FormButtons } from "./form-buttons.tsx";
import { FormProblem } from "./problem.tsx";
import { useTask } from "./task.ts";

export function Confirm(props: {
  title: string;
  text: string;
  submit: string;
  /** It destroys something. */
  isDanger?: boolean;
  run(): Answer;
  /** Called after it is done. The dialog is closed then. */
  onDone?(): void;
  onClose(): void;
}) {
  const task = useTask();
  return (
    <Dialog title={props.title} onClose={props.onClose}>
      <form
        class="form"
        onSubmit={async (event) => {
          event.preventDefault();
          if ((await task.run(() => props.run())) !== undefined) {
            props.onClose();
            props.onDone?.();
          }
        }}
      >
        <p>{props.text}</p>
        <FormProblem problem={task.problem} />
        <FormButtons
          submit={props.submit}
          isBusy={task.isBusy}
          isDanger={props.isDanger ?? true}
          onCancel={props.onClose}
        />
      </form>
    </Dialog>
  );
}
