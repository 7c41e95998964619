/** The rooms, the latest first, with a field that narrows them. */
import { useState } from "preact/hooks";
import { fold, hasWords, searchWords } from "../../core/fold.ts";
import { t } from "../../i18n/words.ts";
import type { RoomRow } from "../../state/model.ts";
import { useApp } from "../app-context.ts";
import { SearchField } from "../basics/field.tsx";
import { Icon } from "../basics/icon.tsx";
import { Scene } from "../basics/scene.tsx";
import { isNarrow } from "../device.ts";
import { go, href, route } from "../route.ts";
import { EmptyDevice, FirstSteps } from "../shell/welcome.tsx";
import { RoomLink } from "./room-link.tsx";

export function RoomList({ keys }: { keys: string }) {
  const { rooms, session } = useApp();
  const [words, setWords] = useState("");
  const here = route.value;
  const open = here.at === "room" ? here.room : undefined;
  const all = rooms.list.value;
  const wanted = searchWords(words);
  const isWanted = ({ name }: RoomRow) => hasWords(fold(name), wanted);
  const shown = all.filter(isWanted);
  const hidden = rooms.hidden.value.filter(isWanted);
  const invitations = rooms.invitations.value.length;
  const phase = session.phase.value;
  return (
    <>
      {/* biome-ignore lint/a11y/useSemanticElements: `search` is not known to all readers yet */}
      <div
        class="find"
        role="search"
        aria-label={t("list.find")}
        onKeyDown={(event) => {
          const first = shown[0] ?? hidden[0];
          if (event.key === "Enter" && first !== undefined && words !== "") {
            setWords("");
            go({ at: "room", room: first.id });
          }
          if (event.key === "Escape" && words !== "") {
            event.stopPropagation();
            setWords("");
          }
        }}
      >
        <SearchField label={t("list.find")} value={words} onValue={setWords} keys={keys} />
      </div>
      <div class="scroll">
        {invitations === 0 ? null : (
          <a class="list-link" href={href({ at: "invitations" })}>
            <Icon name="mail" />
            {t("invitations.count", { n: invitations })}
          </a>
        )}
        {all.length === 0 && isNarrow.value && wanted.length === 0 ? (
          <div class="empty">
            <Scene of="ferry" />
            {phase.is === "signed_in" && phase.isEmptyDevice ? <EmptyDevice /> : <FirstSteps />}
          </div>
        ) : null}
        {all.length === 0 && !isNarrow.value && wanted.length === 0 ? (
          <div class="empty">
            <p>{t("list.none")}</p>
          </div>
        ) : null}
        {wanted.length > 0 && shown.length + hidden.length === 0 ? (
          <div class="empty">
            <p>{t("list.nothing_found")}</p>
            <div class="buttons">
              <a class="button small" href={href({ at: "people", tab: "find" })}>
                {t("list.find_people")}
              </a>
              <a class="button small" href={href({ at: "new", tab: "find" })}>
                {t("new.find")}
              </a>
            </div>
          </div>
        ) : null}
        <ul class="room-list" aria-label={t("list.rooms")}>
          {shown.map((row) => (
            <li key={row.id}>
              <RoomLink row={row} isOpen={row.id === open} />
            </li>
          ))}
        </ul>
        <Hidden
          shown={hidden}
          isOpen={wanted.length > 0 || hidden.some(({ id }) => id === open)}
          open={open}
        />
      </div>
    </>
  );
}

/** Rooms out of the list stay within reach. Who looks for one by its name sees it at once. */
function Hidden(props: { shown: readonly RoomRow[]; isOpen: boolean; open: string | undefined }) {
  const { shown, open } = props;
  if (shown.length === 0) {
    return null;
  }
  return (
    <details class="hidden-rooms" open={props.isOpen}>
      <summary>{t("list.hidden", { n: shown.length })}</summary>
      <ul class="room-list" aria-label={t("list.hidden", { n: shown.length })}>
        {shown.map((row) => (
          <li key={row.id}>
            <RoomLink row={row} isOpen={row.id === open} />
          </li>
        ))}
      </ul>
    </details>
  );
}
