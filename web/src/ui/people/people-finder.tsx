/** Finds people by their names. */
import type { ComponentChild } from "preact";
import { useEffect, useState } from "preact/hooks";
import { t } from "../../i18n/words.ts";
import type { Person } from "../../state/model.ts";
import { useApp } from "../app-context.ts";
import { SearchField } from "../basics/field.tsx";
import { ProblemText } from "../basics/problem.tsx";
import { useTask } from "../basics/task.ts";
import { PersonItem } from "./person-item.tsx";

/** The relay is asked when the user has stopped to type. */
const PAUSE_MS = 300;

export function PeopleFinder({ action }: { action(person: Person): ComponentChild }) {
  const { people } = useApp();
  const task = useTask();
  const [words, setWords] = useState("");
  const [found, setFound] = useState<Person[]>();
  const wanted = words.trim().replace(/^@/, "");
  useEffect(() => {
    if (wanted === "") {
      setFound(undefined);
      return undefined;
    }
    let isCurrent = true;
    const timer = setTimeout(async () => {
      const answer = await task.run(() => people.find(wanted));
      if (isCurrent && answer !== undefined) {
        setFound(answer.value);
      }
    }, PAUSE_MS);
    return () => {
      isCurrent = false;
      clearTimeout(timer);
    };
  }, [wanted]);
  const shown = found ?? people.friends.value;
  return (
    <div class="form">
      <SearchField label={t("people.find")} value={words} onValue={setWords} />
      {task.problem === undefined ? null : <ProblemText problem={task.problem} />}
      {found?.length === 0 ? <p class="hint">{t("people.nobody", { name: wanted })}</p> : null}
      {found === undefined && shown.length === 0 ? <p class="hint">{t("people.find_hint")}</p> : null}
      <ul class="rows" aria-label={found === undefined ? t("people.friends") : t("people.found")}>
        {shown.map((person) => (
          <PersonItem key={person.id} person={person}>
            {action(person)}
          </PersonItem>
        ))}
      </ul>
    </div>
  );
}
