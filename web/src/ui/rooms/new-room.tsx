/** Creates a room, or finds a channel. */
import { useState } from "preact/hooks";
import { t } from "../../i18n/words.ts";
import type { FoundRoom, Person } from "../../state/model.ts";
import { useApp } from "../app-context.ts";
import { Avatar } from "../basics/avatar.tsx";
import { Empty } from "../basics/empty.tsx";
import { Field, SearchField, Segments } from "../basics/field.tsx";
import { Icon } from "../basics/icon.tsx";
import { Waiting } from "../basics/loading.tsx";
import { errorOf, FormProblem, ProblemText } from "../basics/problem.tsx";
import { Tabs } from "../basics/tabs.tsx";
import { useTask } from "../basics/task.ts";
import { PeopleFinder } from "../people/people-finder.tsx";
import { go, href } from "../route.ts";
import { Page, Pane } from "../shell/pane.tsx";

export default function NewRoom({ tab }: { tab: "create" | "find" }) {
  return (
    <Pane title={t("new.title")}>
      <Page>
        <Tabs
          label={t("new.title")}
          tabs={(["create", "find"] as const).map((one) => ({
            to: { at: "new", tab: one },
            isOpen: one === tab,
            label: t(`new.${one}`),
          }))}
        />
        {tab === "create" ? <Create /> : <Find />}
        <p class="hint">
          {t("new.person")} <a href={href({ at: "people", tab: "find" })}>{t("new.person_go")}</a>
        </p>
      </Page>
    </Pane>
  );
}

function Create() {
  const { rooms } = useApp();
  const task = useTask();
  const [kind, setKind] = useState<"group" | "channel">("group");
  const [name, setName] = useState("");
  const [description, setDescription] = useState("");
  const [members, setMembers] = useState<Person[]>([]);
  const { problem } = task;
  const create = async () => {
    const form = { kind, name: name.trim(), members: members.map(({ id }) => id) };
    const text = description.trim();
    const created = await task.run(() => rooms.create(text === "" ? form : { ...form, description: text }));
    if (created !== undefined) {
      go({ at: "room", room: created.value });
    }
  };
  const toggle = (person: Person) =>
    setMembers(
      members.some(({ id }) => id === person.id)
        ? members.filter(({ id }) => id !== person.id)
        : [...members, person],
    );
  return (
    <form
      class="form"
      onSubmit={(event) => {
        event.preventDefault();
        void create();
      }}
    >
      <Segments
        label={t("new.kind")}
        value={kind}
        onChange={(chosen) => setKind(chosen)}
        options={[
          { value: "group", label: t("new.group") },
          { value: "channel", label: t("new.channel") },
        ]}
      />
      <p class="hint">{kind === "group" ? t("new.group_hint") : t("new.channel_hint")}</p>
      <Field label={t("new.name")} value={name} onValue={setName} error={errorOf(problem, "name")} required />
      <Field
        label={t("new.description")}
        value={description}
        onValue={setDescription}
        hint={t("optional")}
        error={errorOf(problem, "description")}
        isLong
      />
      <section>
        <h2>{t("new.members")}</h2>
        {members.length === 0 ? null : (
          <div class="buttons">
            {members.map((person) => (
              <button
                key={person.id}
                type="button"
                class="button small"
                aria-label={t("new.take_out", { name: person.name })}
                onClick={() => toggle(person)}
              >
                <bdi>{person.name}</bdi>
                <Icon name="close" size={16} />
              </button>
            ))}
          </div>
        )}
        <PeopleFinder
          action={(person) => {
            const isIn = members.some(({ id }) => id === person.id);
            return (
              <button type="button" class="button small" aria-pressed={isIn} onClick={() => toggle(person)}>
                <Icon name={isIn ? "check" : "plus"} size={16} />
                {isIn ? t("new.is_in") : t("invite.add")}
              </button>
            );
          }}
        />
      </section>
      <FormProblem problem={problem} fields={["name", "description"]} />
      <div class="buttons end">
        <button type="submit" class="button primary" disabled={task.isBusy || name.trim() === ""}>
          {t("new.submit")}
        </button>
      </div>
    </form>
  );
}

function Find() {
  const { rooms } = useApp();
  const task = useTask();
  const [words, setWords] = useState("");
  const [found, setFound] = useState<FoundRoom[]>();
  const find = async () => {
    const answer = await task.run(() => rooms.find(words.trim()));
    setFound(answer?.value);
  };
  const open = async (room: FoundRoom) => {
    if (room.isMember || (await task.run(() => rooms.join(room.id))) !== undefined) {
      go({ at: "room", room: room.id });
    }
  };
  return (
    <form
      class="form"
      onSubmit={(event) => {
        event.preventDefault();
        void find();
      }}
    >
      <div class="search-line">
        <SearchField label={t("new.find_label")} value={words} onValue={setWords} />
        <button type="submit" class="button primary" disabled={task.isBusy}>
          {t("new.find_submit")}
        </button>
      </div>
      {task.problem === undefined ? null : <ProblemText problem={task.problem} />}
      {found === undefined && task.isBusy ? <Waiting /> : null}
      {found === undefined && !task.isBusy && task.problem === undefined ? (
        <Empty drawing="lighthouse" title={t("new.find_begin")} text={t("new.find_begin_text")} />
      ) : null}
      {found?.length === 0 ? (
        <Empty drawing="buoy" title={t("new.found_none")} text={t("new.found_none_text")}>
          <a class="button" href={href({ at: "new", tab: "create" })}>
            {t("first.create")}
          </a>
        </Empty>
      ) : null}
      <ul class="rows">
        {(found ?? []).map((room) => (
          <li key={room.id} class="item">
            <Avatar id={room.id} name={room.name} kind="channel" />
            <div class="grow">
              <bdi class="name">{room.name}</bdi>
              {room.description === undefined ? null : <span dir="auto">{room.description}</span>}
              <span class="faint">{t("room.members", { n: room.members })}</span>
            </div>
            <button type="button" class="button small" onClick={() => void open(room)}>
              {room.isMember ? t("new.open") : t("new.join")}
            </button>
          </li>
        ))}
      </ul>
    </form>
  );
}
