/** The main pane while nothing is open. */
import { t } from "../../i18n/words.ts";
import { useApp } from "../app-context.ts";
import { Scene } from "../basics/scene.tsx";
import { isApple } from "../device.ts";
import { href } from "../route.ts";

export function Welcome() {
  const { rooms, session } = useApp();
  const phase = session.phase.value;
  const isNew = rooms.list.value.length === 0;
  const isEmptyDevice = phase.is === "signed_in" && phase.isEmptyDevice;
  return (
    <main class="main-pane" id="main" tabIndex={-1}>
      <div class="empty">
        <Scene of={isNew ? "ferry" : "lighthouse"} />
        {isEmptyDevice ? <EmptyDevice /> : isNew ? <FirstSteps /> : <Hint />}
      </div>
    </main>
  );
}

/** Why a new device is empty, and how the history comes here. */
export function EmptyDevice() {
  const phase = useApp().session.phase.value;
  const isErased = phase.is === "signed_in" && phase.isErased === true;
  return (
    <>
      <h1>{t(isErased ? "empty_device.erased" : "empty_device.title")}</h1>
      <p>{t(isErased ? "empty_device.erased_text" : "empty_device.text")}</p>
      <div class="buttons">
        <a class="button primary" href={href({ at: "settings", section: "history" })}>
          {t("empty_device.import")}
        </a>
      </div>
      <p class="hint">{t("empty_device.how")}</p>
    </>
  );
}

export function FirstSteps() {
  return (
    <>
      <h1>{t("first.title")}</h1>
      <p>{t("first.text")}</p>
      <div class="buttons">
        <a class="button primary" href={href({ at: "people", tab: "find" })}>
          {t("first.find")}
        </a>
        <a class="button" href={href({ at: "new", tab: "create" })}>
          {t("first.create")}
        </a>
      </div>
    </>
  );
}

function Hint() {
  return (
    <>
      <h1>{t("welcome.title")}</h1>
      <p>{t("welcome.text", { keys: isApple ? "⌘ K" : "Ctrl K" })}</p>
    </>
  );
}
