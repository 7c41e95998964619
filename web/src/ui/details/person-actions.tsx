/** What can be done about a person. */
import { useState } from "preact/hooks";
import type { Id } from "../../core/id.ts";
import { t } from "../../i18n/words.ts";
import { useApp } from "../app-context.ts";
import { Confirm } from "../basics/confirm.tsx";
import { Icon } from "../basics/icon.tsx";
import { ProblemText } from "../basics/problem.tsx";
import { useTask } from "../basics/task.ts";

export function PersonActions({ user, name }: { user: Id; name: string }) {
  const { people } = useApp();
  const task = useTask();
  const [asks, setAsks] = useState(false);
  const has = (list: { id: Id }[]) => list.some(({ id }) => id === user);
  const isFriend = has(people.friends.value);
  const isAsked = has(people.requests.value.outgoing);
  const isBlocked = has(people.blocked.value);
  return (
    <section class="action-list">
      {task.problem === undefined ? null : <ProblemText problem={task.problem} />}
      {isFriend || isBlocked ? null : isAsked ? (
        <button type="button" class="action" onClick={() => void task.run(() => people.withdraw(user))}>
          <Icon name="close" />
          {t("person.withdraw")}
        </button>
      ) : (
        <button type="button" class="action" onClick={() => void task.run(() => people.ask(user))}>
          <Icon name="person-plus" />
          {t("person.befriend")}
        </button>
      )}
      {isFriend ? (
        <button type="button" class="action" onClick={() => void task.run(() => people.unfriend(user))}>
          <Icon name="person" />
          {t("person.unfriend")}
        </button>
      ) : null}
      {isBlocked ? (
        <button type="button" class="action" onClick={() => void task.run(() => people.block(user, false))}>
          <Icon name="block" />
          {t("person.unblock")}
        </button>
      ) : (
        <button type="button" class="action danger" onClick={() => setAsks(true)}>
          <Icon name="block" />
          {t("person.block")}
        </button>
      )}
      {asks ? (
        <Confirm
          title={t("block.title", { name })}
          text={t("block.text")}
          submit={t("person.block")}
          run={() => people.block(user, true)}
          onClose={() => setAsks(false)}
        />
      ) : null}
    </section>
  );
}
