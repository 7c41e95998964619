/** Reads a backup. What is here already is not doubled. */
import { useEffect, useRef, useState } from "preact/hooks";
import { t } from "../../i18n/words.ts";
import { useApp } from "../app-context.ts";
import { Dialog } from "../basics/dialog.tsx";
import { Field, Segments } from "../basics/field.tsx";
import { ProblemText } from "../basics/problem.tsx";
import { useTask } from "../basics/task.ts";

export default function ImportDialog({ onClose }: { onClose(): void }) {
  const { history } = useApp();
  const task = useTask();
  const [file, setFile] = useState<File>();
  const [kind, setKind] = useState<"passphrase" | "identity">("passphrase");
  const [key, setKey] = useState("");
  const [done, setDone] = useState<number>();
  const [added, setAdded] = useState<number>();
  const stop = useRef(new AbortController());
  useEffect(() => () => stop.current.abort(), []);
  const mustTrust = task.problem?.key === "problem.not_vouched";
  const isTyped = key !== "" && added === undefined;
  const loses = done !== undefined ? t("import.stops") : isTyped ? t("dialog.typed") : undefined;
  const run = async () => {
    if (file === undefined) {
      return;
    }
    setDone(0);
    const trust = mustTrust ? { isTrusted: true } : {};
    const secret =
      kind === "passphrase" ? { passphrase: key.trim(), ...trust } : { identity: key.trim(), ...trust };
    const read = await task.run(() => history.importFrom(file, secret, setDone, stop.current.signal));
    setDone(undefined);
    setAdded(read?.value.added);
  };
  return (
    <Dialog title={t("import.title")} loses={loses} onClose={onClose}>
      {added === undefined ? (
        <form
          class="form"
          onSubmit={(event) => {
            event.preventDefault();
            void run();
          }}
        >
          <p>{t("import.text")}</p>
          <label class="field">
            <span class="label">{t("import.file")}</span>
            <input
              class="input"
              type="file"
              required
              onChange={(event) => setFile(event.currentTarget.files?.[0])}
            />
          </label>
          <Segments
            label={t("import.kind")}
            value={kind}
            onChange={(chosen) => setKind(chosen)}
            options={[
              { value: "passphrase", label: t("import.passphrase") },
              { value: "identity", label: t("import.identity") },
            ]}
          />
          <Field
            label={kind === "passphrase" ? t("import.passphrase") : t("import.identity")}
            type="password"
            value={key}
            onValue={setKey}
            required
          />
          {done === undefined ? null : (
            <progress class="bar" max={1} value={done} aria-label={t("import.progress")} />
          )}
          {task.problem === undefined ? null : <ProblemText problem={task.problem} />}
          <div class="buttons end">
            <button type="button" class="button" onClick={onClose}>
              {t("cancel")}
            </button>
            <button
              type="submit"
              class="button primary"
              disabled={task.isBusy || file === undefined || key === ""}
            >
              {mustTrust ? t("import.trust") : t("history.import")}
            </button>
          </div>
        </form>
      ) : (
        <>
          <p role="status">{added === 0 ? t("import.nothing") : t("import.done", { n: added })}</p>
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
