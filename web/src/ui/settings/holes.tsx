/** What this device lacks, or may lack, and how it comes here. */
import { useState } from "preact/hooks";
import { moment } from "../../i18n/dates.ts";
import { t } from "../../i18n/words.ts";
import type { Hole } from "../../state/model.ts";
import { useApp } from "../app-context.ts";
import { Icon } from "../basics/icon.tsx";
import { Rich } from "../basics/rich.tsx";
import { href } from "../route.ts";

/** More are shown when the user asks for them. */
const SHOWN_MAX = 10;

export function Holes({ onImport }: { onImport(): void }) {
  const holes = useApp().history.holes.value;
  const [isWhole, setWhole] = useState(false);
  const shown = isWhole ? holes : holes.slice(0, SHOWN_MAX);
  return (
    <section>
      <h3>{t("holes.title")}</h3>
      {holes.length === 0 ? (
        <p class="hint">{t("holes.none")}</p>
      ) : (
        <>
          <p class="hint">{t("holes.do")}</p>
          <ul class="rows" aria-label={t("holes.title")}>
            {shown.map((hole) => (
              <HoleItem key={`${hole.since} ${hole.until} ${hole.who} ${hole.room?.id}`} hole={hole} />
            ))}
          </ul>
          <div class="buttons">
            <button type="button" class="button" onClick={onImport}>
              {t("holes.import")}
            </button>
            {shown.length < holes.length ? (
              <button type="button" class="button quiet" onClick={() => setWhole(true)}>
                {t("holes.more", { n: holes.length - shown.length })}
              </button>
            ) : null}
          </div>
          {holes.some(({ count }) => count === undefined) ? <p class="hint">{t("holes.stay")}</p> : null}
        </>
      )}
    </section>
  );
}

function HoleItem({ hole: { who, count, room, since, until } }: { hole: Hole }) {
  return (
    <li class="item hole">
      <Icon name="warning" size={18} />
      <div class="grow">
        <span>
          {who === undefined || count === undefined ? (
            t("holes.unknown")
          ) : (
            <Rich k="holes.of" with={{ n: count, name: who }} />
          )}
        </span>
        <span class="faint">
          {room === undefined ? null : (
            <>
              <a href={href({ at: "room", room: room.id })}>
                <bdi>{room.name}</bdi>
              </a>
              {" · "}
            </>
          )}
          {t("holes.between", { since: moment(since), until: moment(until) })}
        </span>
      </div>
    </li>
  );
}
