/** Finds people by their names. */
import type { ComponentChild } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { Id } from "../../core/id.ts";
import { t } from "../../i18n/words.ts";
import type { Answer, Problem } from "../../state/answer.ts";
import { attemptAnswer } from "../../state/failure.ts";
import type { Person } from "../../state/model.ts";
import { useApp } from "../app-context.ts";
import { SearchField } from "../basics/field.tsx";
import { Waiting } from "../basics/loading.tsx";
import { ProblemText } from "../basics/problem.tsx";
import { PersonItem } from "./person-item.tsx";

/** The relay is asked when the user has stopped to type. */
const PAUSE_MS = 300;

export function PeopleFinder({ action }: { action(person: Person): ComponentChild }) {
  const { people } = useApp();
  const [problem, setProblem] = useState<Problem>();
  const [words, setWords] = useState("");
  const [found, setFound] = useState<Person[]>();
  const [isBusy, setBusy] = useState(false);
  const wanted = words.trim().replace(/^@/, "");
  useEffect(() => {
    setProblem(undefined);
    setBusy(wanted !== "");
    if (wanted === "") {
      setFound(undefined);
      return undefined;
    }
    let isCurrent = true;
    const timer = setTimeout(async () => {
      const id = idIn(wanted);
      const answer = await attemptAnswer(() =>
        id === undefined ? people.find(wanted) : only(people.look(id)),
      );
      // The relay may answer in another order than it was asked.
      if (!isCurrent) {
        return;
      }
      setBusy(false);
      setFound(answer.ok ? answer.value : undefined);
      setProblem(answer.ok ? undefined : answer.problem);
    }, PAUSE_MS);
    return () => {
      isCurrent = false;
      clearTimeout(timer);
    };
  }, [wanted]);
  const shown = found ?? (wanted === "" ? people.friends.value : []);
  return (
    <div class="form">
      <SearchField label={t("people.find")} value={words} onValue={setWords} />
      {problem === undefined ? null : <ProblemText problem={problem} />}
      {isBusy && found === undefined ? <Waiting /> : null}
      {found?.length === 0 && !isBusy ? <p class="hint">{t("people.nobody", { name: wanted })}</p> : null}
      {wanted === "" ? <p class="hint">{t("people.find_hint")}</p> : null}
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

/** Returns the id in what somebody has pasted: an id alone, or the link to a user. */
export function idIn(text: string): Id | undefined {
  const id = /(?:^|#\/person\/)([\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12})$/i.exec(text)?.[1];
  return id?.toLowerCase();
}

async function only(answer: Answer<Person>): Answer<Person[]> {
  const its = await answer;
  return its.ok ? { ok: true, value: [its.value] } : its;
}
