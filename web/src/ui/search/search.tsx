/** Searches the messages that this browser has. */
import { useEffect, useRef, useState } from "preact/hooks";
import type { Id } from "../../core/id.ts";
import { when } from "../../i18n/dates.ts";
import { t } from "../../i18n/words.ts";
import type { Hit, Search as Running, SearchQuery } from "../../state/model.ts";
import { useApp } from "../app-context.ts";
import { Empty } from "../basics/empty.tsx";
import { SearchField } from "../basics/field.tsx";
import { href } from "../route.ts";
import { Page, Pane } from "../shell/pane.tsx";
import { PersonField } from "./person-field.tsx";

const PAUSE_MS = 150;

export default function Search({ room: first }: { room?: Id | undefined }) {
  const app = useApp();
  const field = useRef<HTMLInputElement>(null);
  const [words, setWords] = useState("");
  const [room, setRoom] = useState(first ?? "");
  const [from, setFrom] = useState("");
  const [since, setSince] = useState("");
  const [until, setUntil] = useState("");
  const [running, setRunning] = useState<Running>();
  useEffect(() => field.current?.focus(), []);
  useEffect(() => {
    if (words.trim() === "") {
      setRunning(undefined);
      return undefined;
    }
    let search: Running | undefined;
    const timer = setTimeout(() => {
      search = app.search(queryOf(words, room, from, since, until));
      setRunning(search);
    }, PAUSE_MS);
    return () => {
      clearTimeout(timer);
      search?.cancel();
    };
  }, [words, room, from, since, until]);
  return (
    <Pane title={t("search.title")} {...(first === undefined ? {} : { back: { at: "room", room: first } })}>
      <Page>
        {/* biome-ignore lint/a11y/useSemanticElements: `search` is not known to all readers yet */}
        <div class="form" role="search" aria-label={t("search.title")}>
          <SearchField label={t("search.words")} value={words} onValue={setWords} inputRef={field} />
          <div class="filters">
            <RoomSelect value={room} onValue={setRoom} />
            <PersonField value={from} onValue={setFrom} />
            <DateField label={t("search.since")} value={since} onValue={setSince} />
            <DateField label={t("search.until")} value={until} onValue={setUntil} />
          </div>
        </div>
        {running === undefined ? (
          <Empty drawing="lighthouse" title={t("search.begin")} text={t("search.begin_text")} />
        ) : (
          <Hits running={running} />
        )}
      </Page>
    </Pane>
  );
}

function queryOf(words: string, room: string, from: string, since: string, until: string): SearchQuery {
  const day = (date: string) => new Date(`${date}T00:00`).getTime();
  return {
    words: words.trim(),
    ...(room === "" ? {} : { room }),
    ...(from === "" ? {} : { from }),
    ...(since === "" ? {} : { after: day(since) }),
    ...(until === "" ? {} : { before: day(until) + 86_400_000 }),
  };
}

function Hits({ running }: { running: Running }) {
  const hits = running.hits.value;
  const state = running.state.value;
  return (
    <section aria-busy={state === "running"}>
      <p class="hint" role="status">
        {state === "done" ? t("search.found", { n: hits.length }) : null}
        {state === "running" ? t("search.running", { n: hits.length }) : null}
        {state === "paused" ? t("search.paused", { n: hits.length }) : null}
      </p>
      {state === "failed" ? <p role="alert">{t("problem.store_failed")}</p> : null}
      <ul class="rows">
        {hits.map((hit) => (
          <li key={`${hit.target.from}/${hit.target.message}`}>
            <a class="hit" href={href({ at: "room", room: hit.room, ...hit.target })}>
              <span class="line">
                <span class="one-line">
                  <bdi class="name">{hit.author}</bdi> · <bdi>{hit.roomName}</bdi>
                </span>
                <span>{when(hit.at)}</span>
              </span>
              <p dir="auto">{marked(hit)}</p>
            </a>
          </li>
        ))}
      </ul>
      {state === "done" && hits.length === 0 ? <p class="hint">{t("search.none")}</p> : null}
      {state !== "paused" ? null : (
        <button type="button" class="button" onClick={() => running.more()}>
          {t("search.more")}
        </button>
      )}
    </section>
  );
}

function marked({ excerpt, marks }: Hit) {
  let at = 0;
  const parts = marks.flatMap(([from, to]) => {
    const before = excerpt.slice(at, from);
    at = to;
    return [before, <mark key={from}>{excerpt.slice(from, to)}</mark>];
  });
  return [...parts, excerpt.slice(at)];
}

function RoomSelect({ value, onValue }: { value: string; onValue(value: string): void }) {
  const rooms = useApp().rooms.list.value;
  return (
    <label class="field">
      <span class="label">{t("search.room")}</span>
      <select class="select" value={value} onChange={(event) => onValue(event.currentTarget.value)}>
        <option value="">{t("search.any_room")}</option>
        {rooms.map(({ id, name }) => (
          <option key={id} value={id}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
}

function DateField(props: { label: string; value: string; onValue(value: string): void }) {
  return (
    <label class="field">
      <span class="label">{props.label}</span>
      <input
        class="input"
        type="date"
        value={props.value}
        onInput={(event) => props.onValue(event.currentTarget.value)}
      />
    </label>
  );
}
