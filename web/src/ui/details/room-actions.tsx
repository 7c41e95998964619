/** What the user can do with a room. */
import { useState } from "preact/hooks";
import { t } from "../../i18n/words.ts";
import { Confirm } from "../basics/confirm.tsx";
import { Dialog } from "../basics/dialog.tsx";
import { Field } from "../basics/field.tsx";
import { FormButtons } from "../basics/form-buttons.tsx";
import { Icon, type IconName } from "../basics/icon.tsx";
import { errorOf, FormProblem } from "../basics/problem.tsx";
import { useTask } from "../basics/task.ts";
import { go } from "../route.ts";
import { useRoomView } from "../timeline/room-view.ts";
import { BansDialog } from "./bans-dialog.tsx";
import { OpenInvitationsDialog } from "./open-invitations-dialog.tsx";

type Act = "change" | "bans" | "invitations" | "leave" | "delete";

export function RoomActions() {
  const { room } = useRoomView();
  const [open, setOpen] = useState<Act>();
  const close = () => setOpen(undefined);
  const may = room.may.value;
  const name = room.row.value?.name ?? "";
  const mayBe: [Act, boolean, IconName, string][] = [
    ["change", may.change, "edit", t("details.change")],
    ["invitations", may.manage, "mail", t("details.invitations")],
    ["bans", may.manage, "block", t("details.bans")],
    ["leave", may.leave, "out", t("details.leave")],
    ["delete", may.delete, "trash", t("details.delete")],
  ];
  const acts = mayBe.filter(([, is]) => is);
  return (
    <section class="action-list">
      {acts.map(([act, , icon, label]) => (
        <button
          key={act}
          type="button"
          class={act === "leave" || act === "delete" ? "action danger" : "action"}
          onClick={() => setOpen(act)}
        >
          <Icon name={icon} />
          {label}
        </button>
      ))}
      {open === "change" ? <ChangeDialog onClose={close} /> : null}
      {open === "bans" ? <BansDialog room={room} onClose={close} /> : null}
      {open === "invitations" ? <OpenInvitationsDialog room={room} onClose={close} /> : null}
      {open === "leave" ? (
        <Confirm
          title={t("leave.title", { name })}
          text={may.delete ? `${t("leave.text")} ${t("leave.owner")}` : t("leave.text")}
          submit={t("details.leave")}
          run={() => room.leave()}
          onDone={() => go({ at: "home" })}
          onClose={close}
        />
      ) : null}
      {open === "delete" ? (
        <Confirm
          title={t("delete_room.title", { name })}
          text={t("delete_room.text")}
          submit={t("details.delete")}
          run={() => room.delete()}
          onDone={() => go({ at: "home" })}
          onClose={close}
        />
      ) : null}
    </section>
  );
}

function ChangeDialog({ onClose }: { onClose(): void }) {
  const { room } = useRoomView();
  const task = useTask();
  const row = room.row.peek();
  const [name, setName] = useState(row?.name ?? "");
  const [description, setDescription] = useState(row?.description ?? "");
  const isChanged = name !== (row?.name ?? "") || description !== (row?.description ?? "");
  return (
    <Dialog title={t("details.change")} loses={isChanged ? t("dialog.typed") : undefined} onClose={onClose}>
      <form
        class="form"
        onSubmit={async (event) => {
          event.preventDefault();
          const form = { name: name.trim(), description: description.trim() };
          if ((await task.run(() => room.change(form))) !== undefined) {
            onClose();
          }
        }}
      >
        <Field
          label={t("new.name")}
          value={name}
          onValue={setName}
          error={errorOf(task.problem, "name")}
          required
        />
        <Field
          label={t("new.description")}
          value={description}
          onValue={setDescription}
          hint={t("details.description_hint")}
          error={errorOf(task.problem, "description")}
          isLong
        />
        <FormProblem problem={task.problem} fields={["name", "description"]} />
        <FormButtons
          submit={t("save")}
          isBusy={task.isBusy}
          isIncomplete={name.trim() === ""}
          onCancel={onClose}
        />
      </form>
    </Dialog>
  );
}
