/** The history that only this browser has: its size, its protection, and copies of it. */
import { useState } from "preact/hooks";
import { ago, size } from "../../i18n/dates.ts";
import { t } from "../../i18n/words.ts";
import { attempt } from "../../state/failure.ts";
import { useApp } from "../app-context.ts";
import { Icon } from "../basics/icon.tsx";
import { Loaded, useLoad } from "../basics/loading.tsx";
import { ProblemText } from "../basics/problem.tsx";
import { useTask } from "../basics/task.ts";
import { lazy } from "../shell/lazy.tsx";
import { Holes } from "./holes.tsx";

const ExportDialog = lazy(() => import("./export-dialog.tsx"));
const ImportDialog = lazy(() => import("./import-dialog.tsx"));

export function HistorySection() {
  const { history } = useApp();
  const task = useTask();
  const load = useLoad(() => attempt(() => history.refresh()));
  const [open, setOpen] = useState<"export" | "import">();
  const status = history.status.value;
  const isProtected = status.protection === "protected";
  return (
    <>
      <p class="hint">{t("history.text")}</p>
      <Loaded of={load} is={load.came !== undefined}>
        <section class="card">
          <dl class="facts">
            <dt>{t("history.messages")}</dt>
            <dd>{t("history.count", { n: status.messages })}</dd>
            <dt>{t("history.size")}</dt>
            <dd>{t("history.of", { used: size(status.bytes), quota: size(status.quota) })}</dd>
            <dt>{t("history.last_export")}</dt>
            <dd>{status.lastExportAt === undefined ? t("history.never") : ago(status.lastExportAt)}</dd>
          </dl>
          <progress
            class="bar"
            max={Math.max(1, status.quota)}
            value={status.bytes}
            aria-label={t("history.size")}
          />
        </section>
      </Loaded>
      <div class={isProtected ? "notice-box" : "notice-box warn"}>
        <Icon name={isProtected ? "shield" : "warning"} />
        <p>
          {t(`history.${status.protection}`)} {isProtected ? null : t("private_window")}
        </p>
      </div>
      {task.problem === undefined ? null : <ProblemText problem={task.problem} />}
      {status.protection === "not_asked" || status.protection === "refused" ? (
        <div class="buttons">
          <button
            type="button"
            class="button"
            onClick={() => void task.run(() => attempt(() => history.protect()))}
          >
            {t("history.protect")}
          </button>
        </div>
      ) : null}
      {status.isReminderDue ? (
        <div class="notice-box warn">
          <Icon name="archive" />
          <p>{t("strip.export")}</p>
        </div>
      ) : null}
      <Holes onImport={() => setOpen("import")} />
      <section>
        <h3>{t("history.copies")}</h3>
        <p class="hint">{t("history.copies_hint")}</p>
        <div class="buttons">
          <button type="button" class="button primary" onClick={() => setOpen("export")}>
            <Icon name="archive" />
            {t("history.export")}
          </button>
          <button type="button" class="button" onClick={() => setOpen("import")}>
            {t("history.import")}
          </button>
        </div>
      </section>
      {open === "export" ? <ExportDialog onClose={() => setOpen(undefined)} /> : null}
      {open === "import" ? <ImportDialog onClose={() => setOpen(undefined)} /> : null}
    </>
  );
}
