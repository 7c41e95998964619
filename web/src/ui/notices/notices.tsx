/** What happened to rooms, devices and friends. */
import { useEffect, useState } from "preact/hooks";
import { quietly } from "../../core/quietly.ts";
import { ago, moment } from "../../i18n/dates.ts";
import { lookUp, t } from "../../i18n/words.ts";
import type { NoticeRow } from "../../state/model.ts";
import { useApp } from "../app-context.ts";
import { Empty } from "../basics/empty.tsx";
import { Icon, type IconName } from "../basics/icon.tsx";
import { ProblemText } from "../basics/problem.tsx";
import { useTask } from "../basics/task.ts";
import { go } from "../route.ts";
import { LogOutDialog } from "../settings/log-out-dialog.tsx";
import { Page, Pane } from "../shell/pane.tsx";

export default function Notices() {
  const { notices } = useApp();
  // What was new when the page opened stays marked while it is open.
  const [fresh] = useState(
    () => new Set(notices.list.peek().flatMap(({ id, isRead }) => (isRead ? [] : [id]))),
  );
  useEffect(() => {
    quietly(notices.markRead());
  }, [notices.list.value]);
  const list = notices.list.value;
  return (
    <Pane title={t("notices.title")}>
      <Page>
        {list.length === 0 ? (
          <Empty drawing="lighthouse" title={t("notices.none")} text={t("notices.none_text")} />
        ) : null}
        <ul class="rows">
          {list.map((notice) => (
            <NoticeItem key={notice.id} notice={notice} isNew={fresh.has(notice.id)} />
          ))}
        </ul>
      </Page>
    </Pane>
  );
}

function NoticeItem({ notice, isNew }: { notice: NoticeRow; isNew: boolean }) {
  return (
    <li class={isNew ? "item notice new" : "item notice"}>
      <Icon name={iconOf(notice)} />
      <div class="grow">
        <span>{lookUp(notice.key, notice.values) ?? t("notice.unknown")}</span>
        <time class="faint" dateTime={new Date(notice.at).toISOString()} title={moment(notice.at)}>
          {ago(notice.at)}
        </time>
      </div>
      <NoticeAction notice={notice} />
    </li>
  );
}

function NoticeAction({ notice: { action, key, values } }: { notice: NoticeRow }) {
  const { session, rooms } = useApp();
  const task = useTask();
  const [asks, setAsks] = useState(false);
  switch (action?.is) {
    case "devices":
      return (
        <span class="buttons end">
          {task.problem === undefined || asks ? null : <ProblemText problem={task.problem} />}
          <button
            type="button"
            class="button small danger"
            disabled={task.isBusy}
            onClick={async () => {
              await task.run(async () => {
                const answer = await session.logOutDevice(action.device);
                setAsks(!answer.ok && answer.problem.key === "problem.password_needed");
                return answer;
              });
            }}
          >
            {t("notices.log_out")}
          </button>
          <button
            type="button"
            class="button small"
            onClick={() => go({ at: "settings", section: "devices" })}
          >
            {t("notices.devices")}
          </button>
          {asks ? (
            <LogOutDialog
              device={{ id: action.device, name: values["name"] ?? "" }}
              asksPassword
              onClose={() => setAsks(false)}
            />
          ) : null}
        </span>
      );
    case "room":
      return (
        <button type="button" class="button small" onClick={() => go({ at: "room", room: action.room })}>
          {t("notices.open")}
        </button>
      );
    case "person":
      return key === "notice.friend_requested" ? (
        <button type="button" class="button small" onClick={() => go({ at: "people", tab: "requests" })}>
          {t("notices.answer")}
        </button>
      ) : (
        <button
          type="button"
          class="button small"
          onClick={async () => {
            const room = await task.run(() => rooms.direct(action.user));
            if (room !== undefined) {
              go({ at: "room", room: room.value });
            }
          }}
        >
          {t("person.write")}
        </button>
      );
    default:
      return null;
  }
}

function iconOf({ key }: NoticeRow): IconName {
  const kinds: [string, IconName][] = [
    ["notice.device", "screen"],
    ["notice.friend", "person"],
    ["notice.block", "block"],
    ["notice.second_factor", "shield"],
    ["notice.settings", "settings"],
    ["notice.invit", "mail"],
  ];
  return kinds.find(([begin]) => key.startsWith(begin))?.[1] ?? "people";
}
