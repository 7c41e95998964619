/** Who may write to the user and find them, and what others see. */
import { t } from "../../i18n/words.ts";
import type { Privacy } from "../../state/model.ts";
import { useApp } from "../app-context.ts";
import { Choice, Segments } from "../basics/field.tsx";
import { ProblemText } from "../basics/problem.tsx";
import { useTask } from "../basics/task.ts";

export function PrivacySection() {
  const { session } = useApp();
  const task = useTask();
  const privacy = session.me.value?.privacy;
  if (privacy === undefined) {
    return null;
  }
  const change = (what: Partial<Privacy>) => void task.run(() => session.changePrivacy(what));
  const options = (["anybody", "friends"] as const).map((value) => ({ value, label: t(`privacy.${value}`) }));
  const switches = ["lastSeen", "readReceipts", "findable"] as const;
  return (
    <>
      {task.problem === undefined ? null : <ProblemText problem={task.problem} />}
      <section>
        <Segments
          label={t("privacy.direct")}
          value={privacy.direct}
          options={options}
          onChange={(direct) => change({ direct })}
        />
        <Segments
          label={t("privacy.add")}
          value={privacy.add}
          options={options}
          onChange={(add) => change({ add })}
        />
      </section>
      <section>
        {switches.map((name) => (
          <Choice
            key={name}
            label={t(`privacy.${name}`)}
            hint={t(`privacy.${name}_hint`)}
            isOn={privacy[name]}
            isSwitch
            onChange={(isOn) => change({ [name]: isOn })}
          />
        ))}
      </section>
    </>
  );
}
