/** A user: who they are, and what can be done. A link leads here, also from elsewhere. */
import type { Id } from "../../core/id.ts";
import { t } from "../../i18n/words.ts";
import type { Person as Known } from "../../state/model.ts";
import { useApp } from "../app-context.ts";
import { Avatar } from "../basics/avatar.tsx";
import { CopyButton } from "../basics/copy-button.tsx";
import { Icon } from "../basics/icon.tsx";
import { Loaded, useLoad } from "../basics/loading.tsx";
import { FormProblem } from "../basics/problem.tsx";
import { useTask } from "../basics/task.ts";
import { PersonActions } from "../details/person-actions.tsx";
import { presenceWords } from "../rooms/presence-words.ts";
import { go, href } from "../route.ts";
import { Page, Pane } from "../shell/pane.tsx";
import { About, type Said } from "./about.tsx";

export default function Person({ user }: { user: Id }) {
  const { people, rooms, session } = useApp();
  const task = useTask();
  const load = useLoad(() => people.look(user));
  const known = people.known.value.find(({ id }) => id === user);
  const isMe = user === session.me.value?.id;
  const write = async () => {
    const opened = await task.run(() => rooms.direct(user));
    if (opened !== undefined) {
      go({ at: "room", room: opened.value });
    }
  };
  return (
    <Pane title={t("person.profile")} back={{ at: "people", tab: "friends" }}>
      <Page>
        <FormProblem problem={task.problem} />
        <Loaded of={load} is={known !== undefined} />
        {known === undefined ? null : (
          <>
            <Head person={known} said={load.came?.value ?? {}} />
            <section class="action-list">
              {isMe ? (
                <a class="action" href={href({ at: "settings", section: "account" })}>
                  <Icon name="edit" />
                  {t("person.edit_own")}
                </a>
              ) : (
                <button type="button" class="action" disabled={task.isBusy} onClick={() => void write()}>
                  <Icon name="mail" />
                  {t("person.write")}
                </button>
              )}
              <CopyButton
                class="action"
                label={t("person.copy_link")}
                text={`${location.origin}/${href({ at: "person", user })}`}
              />
            </section>
            {isMe ? null : <PersonActions user={user} name={known.name} />}
          </>
        )}
      </Page>
    </Pane>
  );
}

function Head({ person, said }: { person: Known; said: Said }) {
  return (
    <div class="profile">
      <Avatar id={person.id} name={person.name} size="large" presence={person.presence} />
      <h2>
        <bdi>{person.name}</bdi>
      </h2>
      <p class="faint">
        @<bdi>{person.username}</bdi>
      </p>
      {person.presence === undefined ? null : <p class="faint">{presenceWords(person.presence)}</p>}
      <About {...said} />
    </div>
  );
}
