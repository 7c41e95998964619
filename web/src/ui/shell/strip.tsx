/** One line that says how the connection is, if there is something to say. */
import { countdown, span } from "../../i18n/dates.ts";
import { t } from "../../i18n/words.ts";
import { useApp } from "../app-context.ts";
import { useNow, wordsOf } from "../basics/problem.tsx";
import { ReloadButton } from "../basics/reload-button.tsx";
import { go } from "../route.ts";

export function Strip({ hasUpdate }: { hasUpdate: boolean }) {
  const { connection, history } = useApp();
  const skew = connection.clockSkew.value;
  return (
    <section aria-label={t("strip.label")}>
      <ConnectionStrip />
      {skew === undefined ? null : (
        <div class="strip warn">
          <span>{t("strip.clock", { span: span(Math.abs(skew)) })}</span>
        </div>
      )}
      {hasUpdate ? (
        <div class="strip">
          <span>{t("strip.update")}</span>
          <ReloadButton />
        </div>
      ) : null}
      {history.status.value.isReminderDue ? (
        <div class="strip">
          <span>{t("strip.export")}</span>
          <button type="button" onClick={() => go({ at: "settings", section: "history" })}>
            {t("strip.export_do")}
          </button>
        </div>
      ) : null}
    </section>
  );
}

function ConnectionStrip() {
  const { connection } = useApp();
  const state = connection.state.value;
  const waiting = connection.waiting.value;
  const now = useNow(state.is === "offline" ? (state.retryAt ?? 0) : 0);
  const toSend = waiting > 0 ? ` · ${t("strip.waiting", { n: waiting })}` : "";
  switch (state.is) {
    case "online":
    case "follower":
      return null;
    case "connecting":
      return (
        <div class="strip" role="status">
          <span>
            {t("strip.connecting")}
            {toSend}
          </span>
        </div>
      );
    case "catching_up":
      return (
        <div class="strip">
          <span>{t("strip.catching_up", { n: state.received })}</span>
          {/* Nobody knows how many wait, so the bar has no end. */}
          <progress class="bar" aria-label={t("strip.catching_up_label")} />
        </div>
      );
    case "offline":
      return (
        <div class="strip warn">
          <span role="status">
            <b>{t("strip.offline")}</b> · {wordsOf(state.why)}
            {toSend}
          </span>
          {state.retryAt === undefined || now >= state.retryAt ? null : (
            <span aria-hidden="true">{t("strip.retry", { time: countdown(state.retryAt - now) })}</span>
          )}
          <button type="button" onClick={connection.tryNow}>
            {t("strip.try_now")}
          </button>
        </div>
      );
    case "storage_full":
      return (
        <div class="strip bad" role="alert">
          <span>{t("strip.storage_full")}</span>
          <button type="button" onClick={() => go({ at: "settings", section: "history" })}>
            {t("strip.storage_full_do")}
          </button>
        </div>
      );
  }
}
