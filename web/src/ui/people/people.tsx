/** Friends, requests, people to find, and people who are blocked. */
import type { ComponentChild } from "preact";
import type { Id } from "../../core/id.ts";
import { t } from "../../i18n/words.ts";
import type { Person } from "../../state/model.ts";
import { useApp } from "../app-context.ts";
import { Empty } from "../basics/empty.tsx";
import { Icon } from "../basics/icon.tsx";
import { Loaded, type Loading, useLoad } from "../basics/loading.tsx";
import { ProblemText } from "../basics/problem.tsx";
import { Tabs } from "../basics/tabs.tsx";
import { useTask } from "../basics/task.ts";
import { go, href } from "../route.ts";
import { Page, Pane } from "../shell/pane.tsx";
import { PeopleFinder } from "./people-finder.tsx";
import { PersonItem } from "./person-item.tsx";

type Load = Loading<unknown>;
type Tab = "friends" | "requests" | "find" | "blocked";

export default function People({ tab }: { tab: Tab }) {
  const { people, rooms, session } = useApp();
  const task = useTask();
  const load = useLoad(() => people.load());
  const incoming = people.requests.value.incoming.length;
  const write = async (user: Id) => {
    const opened = await task.run(() => rooms.direct(user));
    if (opened !== undefined) {
      go({ at: "room", room: opened.value });
    }
  };
  const writeButton = (person: Person) =>
    person.id === session.me.value?.id ? null : (
      <button type="button" class="button small" onClick={() => void write(person.id)}>
        {t("person.write")}
      </button>
    );
  return (
    <Pane title={t("people.title")}>
      <Page>
        <Tabs
          label={t("people.title")}
          tabs={(["friends", "find", "requests", "blocked"] as const).map((one) => ({
            to: { at: "people", tab: one },
            isOpen: one === tab,
            label: t(one === "find" ? "people.tab_find" : `people.${one}`),
            badge: one === "requests" && incoming > 0 ? <span class="badge call">{incoming}</span> : null,
          }))}
        />
        {task.problem === undefined ? null : <ProblemText problem={task.problem} />}
        {tab === "friends" ? <Friends load={load} button={writeButton} /> : null}
        {tab === "find" ? <PeopleFinder action={writeButton} /> : null}
        {tab === "requests" ? <Requests load={load} /> : null}
        {tab === "blocked" ? <BlockedPeople load={load} /> : null}
      </Page>
    </Pane>
  );
}

function Friends({ load, button }: { load: Load; button(person: Person): ComponentChild }) {
  const friends = useApp().people.friends.value;
  const none = (
    <Empty drawing="anchor" title={t("people.no_friends")} text={t("people.no_friends_text")}>
      <a class="button primary" href={href({ at: "people", tab: "find" })}>
        {t("people.find_somebody")}
      </a>
    </Empty>
  );
  return (
    <Loaded of={load} is={friends.length > 0} empty={none}>
      <ul class="rows">
        {friends.map((person) => (
          <PersonItem key={person.id} person={person}>
            {button(person)}
          </PersonItem>
        ))}
      </ul>
    </Loaded>
  );
}

function Requests({ load }: { load: Load }) {
  const { people } = useApp();
  const task = useTask();
  const { incoming, outgoing } = people.requests.value;
  const none = <Empty drawing="buoy" title={t("people.no_requests")} text={t("people.no_requests_text")} />;
  return (
    <Loaded of={load} is={incoming.length + outgoing.length > 0} empty={none}>
      {task.problem === undefined ? null : <ProblemText problem={task.problem} />}
      {incoming.length === 0 ? null : (
        <section>
          <h2>{t("people.incoming")}</h2>
          <ul class="rows">
            {incoming.map((person) => (
              <PersonItem key={person.id} person={person}>
                <span class="buttons">
                  <button
                    type="button"
                    class="button small primary"
                    onClick={() => void task.run(() => people.answer(person.id, true))}
                  >
                    {t("accept")}
                  </button>
                  <button
                    type="button"
                    class="button small"
                    onClick={() => void task.run(() => people.answer(person.id, false))}
                  >
                    {t("decline")}
                  </button>
                </span>
              </PersonItem>
            ))}
          </ul>
        </section>
      )}
      {outgoing.length === 0 ? null : (
        <section>
          <h2>{t("people.outgoing")}</h2>
          <ul class="rows">
            {outgoing.map((person) => (
              <PersonItem key={person.id} person={person}>
                <button
                  type="button"
                  class="button small"
                  aria-label={t("people.withdraw_name", { name: person.name })}
                  onClick={() => void task.run(() => people.withdraw(person.id))}
                >
                  {t("open_invitations.withdraw")}
                </button>
              </PersonItem>
            ))}
          </ul>
        </section>
      )}
    </Loaded>
  );
}

function BlockedPeople({ load }: { load: Load }) {
  const { people } = useApp();
  const task = useTask();
  const blocked = people.blocked.value;
  return (
    <>
      <div class="notice-box">
        <Icon name="block" />
        <p>{t("people.blocked_text")}</p>
      </div>
      {task.problem === undefined ? null : <ProblemText problem={task.problem} />}
      <Loaded of={load} is={blocked.length > 0} empty={<p class="hint">{t("people.no_blocked")}</p>}>
        <ul class="rows">
          {blocked.map((person) => (
            <PersonItem key={person.id} person={person}>
              <button
                type="button"
                class="button small"
                onClick={() => void task.run(() => people.block(person.id, false))}
              >
                {t("person.unblock")}
              </button>
            </PersonItem>
          ))}
        </ul>
      </Loaded>
    </>
  );
}
