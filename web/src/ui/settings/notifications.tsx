/** What the browser may show while the page is not looked at. */
import { t } from "../../i18n/words.ts";
import { attempt } from "../../state/failure.ts";
import { useApp } from "../app-context.ts";
import { Choice } from "../basics/field.tsx";
import { Icon } from "../basics/icon.tsx";
import { ProblemText } from "../basics/problem.tsx";
import { useTask } from "../basics/task.ts";

export function Notifications() {
  const { settings } = useApp();
  const task = useTask();
  const state = settings.notifications.value;
  const { notificationText, sounds } = settings.values.value;
  return (
    <>
      <div class={state === "denied" ? "notice-box warn" : "notice-box"}>
        <Icon name={state === "on" ? "bell" : "bell-off"} />
        <p>{t(`notifications.${state}`)}</p>
      </div>
      {task.problem === undefined ? null : <ProblemText problem={task.problem} />}
      {state === "off" ? (
        <div class="buttons">
          <button
            type="button"
            class="button primary"
            onClick={() => void task.run(() => attempt(() => settings.allowNotifications()))}
          >
            {t("notifications.allow")}
          </button>
        </div>
      ) : null}
      <section>
        <Choice
          label={t("notifications.text")}
          hint={t("notifications.text_hint")}
          isOn={notificationText}
          isSwitch
          onChange={(isOn) => settings.set({ notificationText: isOn })}
        />
        <Choice
          label={t("notifications.sounds")}
          isOn={sounds}
          isSwitch
          onChange={(isOn) => settings.set({ sounds: isOn })}
        />
      </section>
    </>
  );
}
