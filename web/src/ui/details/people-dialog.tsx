/** People of a room in a dialog. What can be done about each takes them out of it. */
import { useState } from "preact/hooks";
import type { Answer } from "../../state/answer.ts";
import type { Person } from "../../state/model.ts";
import { Dialog } from "../basics/dialog.tsx";
import { Loaded, useLoad } from "../basics/loading.tsx";
import { FormProblem } from "../basics/problem.tsx";
import { useTask } from "../basics/task.ts";
import { PersonItem } from "../people/person-item.tsx";

export function PeopleDialog<T extends { user: Person }>(props: {
  title: string;
  none: string;
  load(): Answer<T[]>;
  detailOf(item: T): string;
  act: string;
  /** What the button says to those who do not see beside whom it stands. */
  actOn(name: string): string;
  run(item: T): Answer;
  onClose(): void;
}) {
  const task = useTask();
  const load = useLoad(() => props.load());
  const [gone, setGone] = useState<readonly T[]>([]);
  const items = (load.came?.value ?? []).filter((item) => !gone.includes(item));
  const run = async (item: T) => {
    if ((await task.run(() => props.run(item))) !== undefined) {
      setGone((before) => [...before, item]);
    }
  };
  return (
    <Dialog title={props.title} onClose={props.onClose}>
      <FormProblem problem={task.problem} />
      <Loaded of={load} is={items.length > 0} empty={<p class="hint">{props.none}</p>}>
        <ul class="rows list-box">
          {items.map((item) => (
            <PersonItem key={item.user.id} person={item.user} detail={props.detailOf(item)}>
              <button
                type="button"
                class="button small"
                aria-label={props.actOn(item.user.name)}
                disabled={task.isBusy}
                onClick={() => void run(item)}
              >
                {props.act}
              </button>
            </PersonItem>
          ))}
        </ul>
      </Loaded>
    </Dialog>
  );
}
