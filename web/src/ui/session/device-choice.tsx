/** All places for devices are taken: the user chooses which login ends. */
import { useState } from "preact/hooks";
import type { Id } from "../../core/id.ts";
import { ago } from "../../i18n/dates.ts";
import { t } from "../../i18n/words.ts";
import { useApp } from "../app-context.ts";
import { Icon } from "../basics/icon.tsx";

export function DeviceChoice(props: { isBusy: boolean; onChoose(device: Id): void; onBack(): void }) {
  const { session } = useApp();
  const [chosen, choose] = useState<Id>();
  const devices = session.devices.value.toSorted((one, other) => one.lastSeenAt - other.lastSeenAt);
  return (
    <form
      class="form"
      onSubmit={(event) => {
        event.preventDefault();
        if (chosen !== undefined) {
          props.onChoose(chosen);
        }
      }}
    >
      <div class="notice-box warn" role="alert">
        <Icon name="warning" />
        <p>{t("device_limit.text", { n: devices.length })}</p>
      </div>
      <fieldset>
        <legend class="label">{t("device_limit.legend")}</legend>
        <ul class="rows">
          {devices.map((device) => (
            <li key={device.id}>
              <label class="choice">
                <input
                  type="radio"
                  name="device"
                  checked={chosen === device.id}
                  onChange={() => choose(device.id)}
                />
                <span>
                  <bdi class="name">{device.name}</bdi>
                  <span class="hint">{t("device.last_seen", { when: ago(device.lastSeenAt) })}</span>
                </span>
              </label>
            </li>
          ))}
        </ul>
      </fieldset>
      <p class="hint">{t("device_limit.lost")}</p>
      <div class="buttons end">
        <button type="button" class="button" onClick={props.onBack}>
          {t("back")}
        </button>
        <button type="submit" class="button primary" disabled={chosen === undefined || props.isBusy}>
          {t("device_limit.submit")}
        </button>
      </div>
    </form>
  );
}
