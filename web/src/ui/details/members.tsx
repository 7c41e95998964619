/** Who is in a room, and what the user may do with them. */
import { useState } from "preact/hooks";
import { fold, hasWords, searchWords } from "../../core/fold.ts";
import { FOREVER } from "../../core/roles.ts";
import { moment } from "../../i18n/dates.ts";
import { t } from "../../i18n/words.ts";
import type { Member, OpenRoom } from "../../state/room-model.ts";
import { useApp } from "../app-context.ts";
import { Avatar } from "../basics/avatar.tsx";
import { Confirm } from "../basics/confirm.tsx";
import { SearchField } from "../basics/field.tsx";
import { Icon } from "../basics/icon.tsx";
import { Loaded, type Loading } from "../basics/loading.tsx";
import { Menu, type MenuItem, type Place } from "../basics/menu.tsx";
import { ProblemText } from "../basics/problem.tsx";
import { type Task, useTask } from "../basics/task.ts";
import { go } from "../route.ts";
import { lazy } from "../shell/lazy.tsx";
import { afterMenu } from "../timeline/after-menu.tsx";
import { useRoomView } from "../timeline/room-view.ts";
import { BanDialog } from "./ban-dialog.tsx";

const InviteDialog = lazy(() => import("./invite-dialog.tsx"));
/** With more members than these, a field finds them. */
const FIELD_FROM = 10;
/** A list of thousands would not be read. */
const SHOWN_MAX = 100;
const HOUR = 3_600_000;

export function Members({ load }: { load: Loading<unknown> }) {
  const { room } = useRoomView();
  const { session } = useApp();
  const task = useTask();
  const [words, setWords] = useState("");
  const [invites, setInvites] = useState(false);
  const me = session.me.value?.id;
  const all = room.members.value;
  const { add, invite } = room.may.value;
  const wanted = searchWords(words);
  const shown = all.filter(({ name, username }) => hasWords(fold(`${name} ${username}`), wanted));
  return (
    <section>
      <div class="section-head">
        <h3>{t("room.members", { n: all.length })}</h3>
        {add || invite ? (
          <button type="button" class="button quiet small" onClick={() => setInvites(true)}>
            <Icon name="person-plus" size={18} />
            {t("details.invite")}
          </button>
        ) : null}
      </div>
      {all.length >= FIELD_FROM ? (
        <SearchField label={t("details.find_member")} value={words} onValue={setWords} />
      ) : null}
      {task.problem === undefined ? null : <ProblemText problem={task.problem} />}
      <Loaded of={load} is={all.length > 0} />
      {all.length > 0 && shown.length === 0 ? <p class="hint">{t("details.no_member")}</p> : null}
      <ul>
        {shown.slice(0, SHOWN_MAX).map((member) => (
          <MemberItem key={member.user} member={member} isMe={member.user === me} task={task} />
        ))}
      </ul>
      {shown.length > SHOWN_MAX ? (
        <p class="hint">{t("details.more_members", { n: shown.length - SHOWN_MAX })}</p>
      ) : null}
      {invites ? <InviteDialog room={room} onClose={() => setInvites(false)} /> : null}
    </section>
  );
}

function MemberItem({ member, isMe, task }: { member: Member; isMe: boolean; task: Task }) {
  const { room } = useRoomView();
  const app = useApp();
  const [menuAt, openMenu] = useState<Place>();
  const isMuted = member.mutedUntil !== undefined && member.mutedUntil > Date.now();
  const items = isMe
    ? []
    : itemsOf(member, room, task, async () => {
        const opened = await task.run(() => app.rooms.direct(member.user));
        if (opened !== undefined) {
          go({ at: "room", room: opened.value });
        }
      });
  return (
    <li class="item member">
      <Avatar id={member.user} name={member.name} size="small" presence={member.presence} />
      <div class="grow">
        <span class="one-line">
          <bdi>{member.name}</bdi> {isMe ? <span class="faint">{t("details.me")}</span> : null}
        </span>
        <span class="faint one-line">
          @<bdi>{member.username}</bdi>
          {isMuted && member.mutedUntil !== undefined
            ? ` · ${member.mutedUntil >= FOREVER ? t("details.is_muted") : t("details.muted_until", { when: moment(member.mutedUntil) })}`
            : null}
        </span>
      </div>
      {member.role === "member" ? null : <span class="chip">{t(`role.${member.role}`)}</span>}
      {items.length === 0 ? null : (
        <button
          type="button"
          class="icon-button"
          aria-haspopup="menu"
          aria-label={t("details.member_menu", { name: member.name })}
          onClick={(event) => openMenu(event.currentTarget)}
        >
          <Icon name="more" />
        </button>
      )}
      {menuAt === undefined ? null : (
        <Menu
          label={t("details.member_menu", { name: member.name })}
          place={menuAt}
          items={items}
          onClose={() => openMenu(undefined)}
        />
      )}
    </li>
  );
}

function itemsOf(member: Member, room: OpenRoom, task: Task, write: () => void): MenuItem[] {
  const { user, may, role } = member;
  const isMuted = member.mutedUntil !== undefined && member.mutedUntil > Date.now();
  const change = (what: Parameters<OpenRoom["changeMember"]>[1]) => () =>
    void task.run(() => room.changeMember(user, what));
  const roles = ["member", "moderator", "admin"] as const;
  const items: (MenuItem | false)[] = [
    { label: t("person.write"), icon: "edit", run: write },
    { label: t("person.profile"), icon: "person", run: () => go({ at: "person", user }) },
    ...(may.promote
      ? roles
          .filter((other) => other !== role)
          .map(
            (other): MenuItem => ({
              label: t(`role.make_${other}`),
              icon: "star",
              run: change({ role: other }),
            }),
          )
      : []),
    may.handOver && {
      label: t("role.make_owner"),
      icon: "star",
      run: () =>
        afterMenu.open((close) => (
          <Confirm
            title={t("hand_over.title", { name: member.name })}
            text={t("hand_over.text")}
            submit={t("role.make_owner")}
            isDanger={false}
            run={() => room.handOver(user)}
            onClose={close}
          />
        )),
    },
    may.mute && isMuted && { label: t("details.unmute"), icon: "bell", run: change({ mutedUntil: null }) },
    may.mute &&
      !isMuted && {
        label: t("details.mute_hour"),
        icon: "bell-off",
        run: () => change({ mutedUntil: Date.now() + HOUR })(),
      },
    may.mute &&
      !isMuted && {
        label: t("details.mute_forever"),
        icon: "bell-off",
        run: change({ mutedUntil: FOREVER }),
      },
    may.remove && {
      label: t("details.remove"),
      icon: "out",
      isDanger: true,
      run: () => void task.run(() => room.removeMember(user)),
    },
    may.ban && {
      label: t("details.ban"),
      icon: "block",
      isDanger: true,
      run: () => afterMenu.open((close) => <BanDialog room={room} member={member} onClose={close} />),
    },
  ];
  return items.filter((item): item is MenuItem => item !== false);
}
