/** The devices that are logged in. Any other one can be logged out from here. */
import { useState } from "preact/hooks";
import { ago, moment } from "../../i18n/dates.ts";
import { t } from "../../i18n/words.ts";
import type { Device } from "../../state/model.ts";
import { useApp } from "../app-context.ts";
import { Dialog } from "../basics/dialog.tsx";
import { Field } from "../basics/field.tsx";
import { FormButtons } from "../basics/form-buttons.tsx";
import { Icon } from "../basics/icon.tsx";
import { Loaded, useLoad } from "../basics/loading.tsx";
import { errorOf, FormProblem } from "../basics/problem.tsx";
import { useTask } from "../basics/task.ts";
import { LogOutDialog } from "./log-out-dialog.tsx";

export function Devices() {
  const { session } = useApp();
  const load = useLoad(() => session.loadDevices());
  const [chosen, choose] = useState<Device>();
  const [renamed, rename] = useState<Device>();
  const devices = session.devices.value.toSorted(
    (one, other) => Number(other.isCurrent) - Number(one.isCurrent) || other.lastSeenAt - one.lastSeenAt,
  );
  return (
    <>
      <p class="hint">{t("devices.text")}</p>
      <Loaded of={load} is={devices.length > 0}>
        <ul class="rows">
          {devices.map((device) => (
            <li key={device.id} class="item">
              <Icon name={/phone|android|ios|mobile/i.test(device.name) ? "phone" : "screen"} size={24} />
              <div class="grow">
                <bdi class="name">{device.name}</bdi>
                <span class="faint">
                  {device.isOnline
                    ? t("device.online")
                    : t("device.last_seen", { when: ago(device.lastSeenAt) })}{" "}
                  · <bdi>{device.address}</bdi>
                </span>
                <span class="faint">{t("device.since", { when: moment(device.createdAt) })}</span>
              </div>
              <span class="buttons end">
                <button
                  type="button"
                  class="icon-button"
                  aria-label={t("device.rename_name", { name: device.name })}
                  title={t("device.rename")}
                  onClick={() => rename(device)}
                >
                  <Icon name="edit" size={18} />
                </button>
                {device.isCurrent ? (
                  <span class="chip good">{t("device.this")}</span>
                ) : (
                  <button
                    type="button"
                    class="button small danger"
                    aria-label={t("device.log_out_name", { name: device.name })}
                    onClick={() => choose(device)}
                  >
                    {t("device.log_out")}
                  </button>
                )}
              </span>
            </li>
          ))}
        </ul>
      </Loaded>
      {chosen === undefined ? null : <LogOutDialog device={chosen} onClose={() => choose(undefined)} />}
      {renamed === undefined ? null : <RenameDialog device={renamed} onClose={() => rename(undefined)} />}
    </>
  );
}

function RenameDialog({ device, onClose }: { device: Device; onClose(): void }) {
  const { session } = useApp();
  const task = useTask();
  const [name, setName] = useState(device.name);
  return (
    <Dialog
      title={t("device.rename_name", { name: device.name })}
      loses={name === device.name ? undefined : t("dialog.typed")}
      onClose={onClose}
    >
      <form
        class="form"
        onSubmit={async (event) => {
          event.preventDefault();
          if ((await task.run(() => session.renameDevice(device.id, name.trim()))) !== undefined) {
            onClose();
          }
        }}
      >
        <Field
          label={t("device.name")}
          value={name}
          onValue={setName}
          error={errorOf(task.problem, "name")}
          required
        />
        <FormProblem problem={task.problem} fields={["name"]} />
        <FormButtons submit={t("save")} isBusy={task.isBusy} onCancel={onClose} />
      </form>
    </Dialog>
  );
}
