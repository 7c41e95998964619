/** The details of a room: what it is, who is in it, and what can be done. */
import type { ComponentChildren } from "preact";
import type { Id } from "../../core/id.ts";
import { t } from "../../i18n/words.ts";
import { useApp } from "../app-context.ts";
import { Avatar } from "../basics/avatar.tsx";
import { Choice } from "../basics/field.tsx";
import { Icon } from "../basics/icon.tsx";
import { useLoad } from "../basics/loading.tsx";
import { ProblemText } from "../basics/problem.tsx";
import { useTask } from "../basics/task.ts";
import { isTight } from "../device.ts";
import { About } from "../people/about.tsx";
import { presenceWords } from "../rooms/presence-words.ts";
import { href } from "../route.ts";
import { useRoomView } from "../timeline/room-view.ts";
import { Members } from "./members.tsx";
import { PersonActions } from "./person-actions.tsx";
import { RoomActions } from "./room-actions.tsx";

export default function Details() {
  const { room } = useRoomView();
  const task = useTask();
  const load = useLoad(() => room.loadMembers());
  const row = room.row.value;
  if (row === undefined) {
    return null;
  }
  return (
    <SidePane title={t("details.title")}>
      <div class="page scroll">
        <div class="column">
          <div class="profile">
            <Avatar id={row.peer ?? row.id} name={row.name} kind={row.kind} size="large" />
            <h2>
              <bdi>{row.name}</bdi>
            </h2>
            <p class="faint">
              {row.kind === "direct" ? presenceWords(row.presence) : t(`room.kind_${row.kind}`)}
            </p>
            {row.description === undefined ? null : (
              <p class="description" dir="auto">
                {row.description}
              </p>
            )}
            {row.peer === undefined ? null : <PeerAbout user={row.peer} />}
          </div>
          {task.problem === undefined ? null : <ProblemText problem={task.problem} />}
          <section>
            <Choice
              label={t("details.mute")}
              hint={t("details.mute_hint")}
              isOn={row.isMuted}
              isSwitch
              onChange={(isOn) => void task.run(() => room.setMuted(isOn))}
            />
            <Choice
              label={t("details.hide_room")}
              hint={t("details.hide_room_hint")}
              isOn={row.isHidden}
              isSwitch
              onChange={(isOn) => void task.run(() => room.setHidden(isOn))}
            />
          </section>
          {row.kind === "direct" ? (
            row.peer === undefined ? null : (
              <>
                <section class="action-list">
                  <a class="action" href={href({ at: "person", user: row.peer })}>
                    <Icon name="person" />
                    {t("person.profile")}
                  </a>
                </section>
                <PersonActions user={row.peer} name={row.name} />
              </>
            )
          ) : (
            <>
              <Members load={load} />
              <RoomActions />
            </>
          )}
        </div>
      </div>
    </SidePane>
  );
}

/** A problem is none here: the profile has the rest, and says why. */
function PeerAbout({ user }: { user: Id }) {
  const { people } = useApp();
  const said = useLoad(() => people.look(user)).came?.value;
  return said === undefined ? null : <About {...said} />;
}

/** The pane beside a room, or in its place where both have no room. */
export function SidePane({ title, children }: { title: string; children: ComponentChildren }) {
  const isAlone = isTight.value;
  return (
    // biome-ignore lint/a11y/useAriaPropsSupportedByRole: both roles have a label
    <div
      class="side-pane"
      role={isAlone ? "main" : "complementary"}
      id={isAlone ? "main" : undefined}
      tabIndex={-1}
      aria-label={title}
    >
      <SideHead title={title} />
      {children}
    </div>
  );
}

function SideHead({ title }: { title: string }) {
  const { room } = useRoomView();
  return (
    <div class="head">
      <a class="icon-button back" href={href({ at: "room", room: room.id })} aria-label={t("back_to_room")}>
        <Icon name="close" />
      </a>
      <h1 class="grow">{title}</h1>
    </div>
  );
}
