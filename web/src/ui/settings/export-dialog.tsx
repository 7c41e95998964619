/** Writes a backup to a file that the user chooses. */
import { useEffect, useRef, useState } from "preact/hooks";
import { t } from "../../i18n/words.ts";
import { useApp } from "../app-context.ts";
import { Dialog } from "../basics/dialog.tsx";
import { Choice, Field } from "../basics/field.tsx";
import { ProblemText } from "../basics/problem.tsx";
import { useTask } from "../basics/task.ts";

export default function ExportDialog({ onClose }: { onClose(): void }) {
  const { history } = useApp();
  const task = useTask();
  const [passphrase] = useState(() => history.newPassphrase());
  const [recipient, setRecipient] = useState("");
  const [hasKey, setHasKey] = useState(false);
  const [isNoted, setNoted] = useState(false);
  const [done, setDone] = useState<number>();
  const [name, setName] = useState<string>();
  const stop = useRef(new AbortController());
  useEffect(() => () => stop.current.abort(), []);
  const run = async () => {
    const parts: Uint8Array<ArrayBuffer>[] = [];
    setDone(0);
    const lock = hasKey ? { recipient: recipient.trim() } : { passphrase };
    const written = await task.run(() =>
      history.exportTo(
        lock,
        async (part) => {
          parts.push(new Uint8Array(part));
        },
        setDone,
        stop.current.signal,
      ),
    );
    setDone(undefined);
    if (written !== undefined) {
      save(new Blob(parts), written.value.name);
      setName(written.value.name);
    }
  };
  return (
    <Dialog
      title={t("export.title")}
      loses={done === undefined ? undefined : t("export.stops")}
      onClose={onClose}
    >
      {name === undefined ? (
        <>
          <p>{t("export.text")}</p>
          <Choice
            label={t("export.has_key")}
            hint={t("export.has_key_hint")}
            isOn={hasKey}
            onChange={setHasKey}
          />
          {hasKey ? (
            <Field label={t("export.recipient")} value={recipient} onValue={setRecipient} />
          ) : (
            <>
              <p class="label">{t("export.passphrase")}</p>
              <p class="passphrase">{passphrase}</p>
              <Choice
                label={t("export.noted")}
                hint={t("export.noted_hint")}
                isOn={isNoted}
                onChange={setNoted}
              />
            </>
          )}
          {done === undefined ? null : (
            <progress class="bar" max={1} value={done} aria-label={t("export.progress")} />
          )}
          {task.problem === undefined ? null : <ProblemText problem={task.problem} />}
          <div class="buttons end">
            <button type="button" class="button" onClick={onClose}>
              {t("cancel")}
            </button>
            <button
              type="button"
              class="button primary"
              disabled={task.isBusy || (hasKey ? recipient.trim() === "" : !isNoted)}
              onClick={() => void run()}
            >
              {t("history.export")}
            </button>
          </div>
        </>
      ) : (
        <>
          <p role="status">{t("export.done", { name })}</p>
          <div class="buttons end">
            <button type="button" class="button primary" onClick={onClose}>
              {t("done")}
            </button>
          </div>
        </>
      )}
    </Dialog>
  );
}

function save(file: Blob, name: string): void {
  const address = URL.createObjectURL(file);
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  // The browser reads the file after the click; a minute is long enough.
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}
