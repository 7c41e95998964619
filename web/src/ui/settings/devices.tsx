/** The devices that are logged in. Any other one can be logged out from here. */
import { useEffect, useState } from "preact/hooks";
import { ago, moment } from "../../i18n/dates.ts";
import { t } from "../../i18n/words.ts";
import type { Device } from "../../state/model.ts";
import { useApp } from "../app-context.ts";
import { Dialog } from "../basics/dialog.tsx";
import { Field } from "../basics/field.tsx";
import { Icon } from "../basics/icon.tsx";
import { ProblemText } from "../basics/problem.tsx";
import { useTask } from "../basics/task.ts";

export function Devices() {
  const { session } = useApp();
  const task = useTask();
  const [chosen, choose] = useState<Device>();
  useEffect(() => {
    void task.run(() => session.loadDevices());
  }, []);
  const devices = session.devices.value.toSorted(
    (one, other) => Number(other.isCurrent) - Number(one.isCurrent) || other.lastSeenAt - one.lastSeenAt,
  );
  return (
    <>
      <p class="hint">{t("devices.text")}</p>
      {task.problem === undefined ? null : <ProblemText problem={task.problem} />}
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
          </li>
        ))}
      </ul>
      {chosen === undefined ? null : <LogOutDialog device={chosen} onClose={() => choose(undefined)} />}
    </>
  );
}

function LogOutDialog({ device, onClose }: { device: Device; onClose(): void }) {
  const { session } = useApp();
  const task = useTask();
  const [password, setPassword] = useState("");
  const [asksPassword, setAsksPassword] = useState(false);
  return (
    <Dialog title={t("device.log_out_name", { name: device.name })} onClose={onClose}>
      <form
        class="form"
        onSubmit={async (event) => {
          event.preventDefault();
          const done = await task.run(async () => {
            const answer = await session.logOutDevice(device.id, password === "" ? undefined : password);
            if (!answer.ok && answer.problem.key === "problem.password_needed") {
              setAsksPassword(true);
            }
            return answer;
          });
          if (done !== undefined) {
            onClose();
          }
        }}
      >
        <p>{t("device.log_out_text")}</p>
        {asksPassword ? (
          <Field
            label={t("login.password")}
            type="password"
            autocomplete="current-password"
            value={password}
            onValue={setPassword}
            required
          />
        ) : null}
        {task.problem === undefined ? null : <ProblemText problem={task.problem} />}
        <div class="buttons end">
          <button type="button" class="button" onClick={onClose}>
            {t("cancel")}
          </button>
          <button type="submit" class="button danger" disabled={task.isBusy}>
            {t("device.log_out")}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
