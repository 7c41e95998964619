/** The details of a room: what it is, who is in it, and what can be done. */
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { t } from "../../i18n/words.ts";
import { useApp } from "../app-context.ts";
import { Avatar } from "../basics/avatar.tsx";
import { Dialog } from "../basics/dialog.tsx";
import { Choice, Field } from "../basics/field.tsx";
import { Icon } from "../basics/icon.tsx";
import { ProblemText } from "../basics/problem.tsx";
import { useTask } from "../basics/task.ts";
import { isTight } from "../device.ts";
import { presenceWords } from "../rooms/room-screen.tsx";
import { go, href } from "../route.ts";
import { useRoomView } from "../timeline/room-view.ts";
import { Members } from "./members.tsx";
import { PersonActions } from "./person-actions.tsx";

export default function Details() {
  const { room } = useRoomView();
  const task = useTask();
  const row = room.row.value;
  useEffect(() => {
    void task.run(() => room.loadMembers());
  }, [room]);
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
          </section>
          {row.kind === "direct" ? (
            row.peer === undefined ? null : (
              <PersonActions user={row.peer} name={row.name} />
            )
          ) : (
            <>
              <Members kind={row.kind} />
              <RoomActions />
            </>
          )}
        </div>
      </div>
    </SidePane>
  );
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

function RoomActions() {
  const { room } = useRoomView();
  const { session } = useApp();
  const [open, setOpen] = useState<"leave" | "rename">();
  const close = () => setOpen(undefined);
  const me = session.me.value?.id;
  const mine = room.members.value.find(({ user }) => user === me);
  const mayRename = mine !== undefined && mine.role !== "member" && mine.role !== "moderator";
  return (
    <section class="action-list">
      {mayRename ? (
        <button type="button" class="action" onClick={() => setOpen("rename")}>
          <Icon name="edit" />
          {t("details.rename")}
        </button>
      ) : null}
      {mine === undefined ? null : (
        <button type="button" class="action danger" onClick={() => setOpen("leave")}>
          <Icon name="out" />
          {t("details.leave")}
        </button>
      )}
      {open === "leave" ? <LeaveDialog onClose={close} isOwner={mine?.role === "owner"} /> : null}
      {open === "rename" ? <RenameDialog onClose={close} /> : null}
    </section>
  );
}

function LeaveDialog({ onClose, isOwner }: { onClose(): void; isOwner: boolean }) {
  const { room } = useRoomView();
  const task = useTask();
  return (
    <Dialog title={t("leave.title", { name: room.row.value?.name ?? "" })} onClose={onClose}>
      <p>{t("leave.text")}</p>
      {isOwner ? <p class="hint">{t("leave.owner")}</p> : null}
      {task.problem === undefined ? null : <ProblemText problem={task.problem} />}
      <div class="buttons end">
        <button type="button" class="button" onClick={onClose}>
          {t("cancel")}
        </button>
        <button
          type="button"
          class="button danger"
          disabled={task.isBusy}
          onClick={async () => {
            if ((await task.run(() => room.leave())) !== undefined) {
              onClose();
              go({ at: "home" });
            }
          }}
        >
          {t("details.leave")}
        </button>
      </div>
    </Dialog>
  );
}

function RenameDialog({ onClose }: { onClose(): void }) {
  const { room } = useRoomView();
  const task = useTask();
  const [name, setName] = useState(room.row.peek()?.name ?? "");
  const [description, setDescription] = useState("");
  return (
    <Dialog title={t("details.rename")} onClose={onClose}>
      <form
        class="form"
        onSubmit={async (event) => {
          event.preventDefault();
          const form = description === "" ? { name } : { name, description };
          if ((await task.run(() => room.rename(form))) !== undefined) {
            onClose();
          }
        }}
      >
        <Field label={t("new.name")} value={name} onValue={setName} required />
        <Field
          label={t("new.description")}
          value={description}
          onValue={setDescription}
          hint={t("details.description_hint")}
        />
        {task.problem === undefined ? null : <ProblemText problem={task.problem} />}
        <div class="buttons end">
          <button type="button" class="button" onClick={onClose}>
            {t("cancel")}
          </button>
          <button type="submit" class="button primary" disabled={task.isBusy || name.trim() === ""}>
            {t("save")}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
