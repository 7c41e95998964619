/** The rooms that the user is invited to. */
import { ago } from "../../i18n/dates.ts";
import { t } from "../../i18n/words.ts";
import { useApp } from "../app-context.ts";
import { Avatar } from "../basics/avatar.tsx";
import { Empty } from "../basics/empty.tsx";
import { ProblemText } from "../basics/problem.tsx";
import { Rich } from "../basics/rich.tsx";
import { useTask } from "../basics/task.ts";
import { go } from "../route.ts";
import { Page, Pane } from "../shell/pane.tsx";

export default function Invitations() {
  const { rooms } = useApp();
  const task = useTask();
  const list = rooms.invitations.value;
  const answer = async (room: string, accept: boolean) => {
    const done = await task.run(() => rooms.answerInvitation(room, accept));
    if (done !== undefined && accept) {
      go({ at: "room", room });
    }
  };
  return (
    <Pane title={t("invitations.title")}>
      <Page>
        {task.problem === undefined ? null : <ProblemText problem={task.problem} />}
        {list.length === 0 ? (
          <Empty drawing="buoy" title={t("invitations.none")} text={t("invitations.none_text")} />
        ) : null}
        <ul class="rows">
          {list.map((invitation) => (
            <li key={invitation.room} class="item">
              <Avatar id={invitation.room} name={invitation.name} kind={invitation.kind} />
              <div class="grow">
                <bdi class="name">{invitation.name}</bdi>
                <span class="faint">
                  <Rich
                    k="invitations.by"
                    with={{
                      name: invitation.by,
                      when: (
                        <time dateTime={new Date(invitation.at).toISOString()}>{ago(invitation.at)}</time>
                      ),
                    }}
                  />
                </span>
              </div>
              <span class="buttons end">
                <button
                  type="button"
                  class="button small primary"
                  disabled={task.isBusy}
                  onClick={() => void answer(invitation.room, true)}
                >
                  {t("accept")}
                </button>
                <button
                  type="button"
                  class="button small"
                  disabled={task.isBusy}
                  onClick={() => void answer(invitation.room, false)}
                >
                  {t("decline")}
                </button>
              </span>
            </li>
          ))}
        </ul>
      </Page>
    </Pane>
  );
}
