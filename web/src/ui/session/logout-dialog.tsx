/** Logging out: what becomes of the history that only this browser has. */
import { useState } from "preact/hooks";
import { t } from "../../i18n/words.ts";
import { useApp } from "../app-context.ts";
import { Dialog } from "../basics/dialog.tsx";
import { Icon } from "../basics/icon.tsx";
import { ProblemText } from "../basics/problem.tsx";
import { useTask } from "../basics/task.ts";
import { go } from "../route.ts";

export default function LogoutDialog({ onClose }: { onClose(): void }) {
  const { session, connection } = useApp();
  const task = useTask();
  const [what, setWhat] = useState<"keep" | "delete">(
    session.me.peek()?.isShared === true ? "delete" : "keep",
  );
  const waiting = connection.waiting.value;
  const options = ["keep", "delete"] as const;
  return (
    <Dialog title={t("logout.title")} onClose={onClose}>
      <form
        class="form"
        onSubmit={async (event) => {
          event.preventDefault();
          await task.run(() => session.logout(what));
        }}
      >
        <p>{t("logout.text")}</p>
        {waiting === 0 ? null : (
          <div class="notice-box warn">
            <Icon name="warning" />
            <p>{t("logout.waiting", { n: waiting })}</p>
          </div>
        )}
        <fieldset>
          <legend class="label">{t("logout.history")}</legend>
          {options.map((option) => (
            <label class="choice" key={option}>
              <input type="radio" name="history" checked={what === option} onChange={() => setWhat(option)} />
              <span>
                <span class="name">{t(`logout.${option}`)}</span>
                <span class="hint">{t(`logout.${option}_hint`)}</span>
              </span>
            </label>
          ))}
        </fieldset>
        <button
          type="button"
          class="button"
          onClick={() => {
            onClose();
            go({ at: "settings", section: "history" });
          }}
        >
          <Icon name="archive" />
          {t("logout.export_first")}
        </button>
        {task.problem === undefined ? null : <ProblemText problem={task.problem} />}
        <div class="buttons end">
          <button type="button" class="button" onClick={onClose}>
            {t("cancel")}
          </button>
          <button
            type="submit"
            class={what === "delete" ? "button danger" : "button primary"}
            disabled={task.isBusy}
          >
            {t("logout.submit")}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
