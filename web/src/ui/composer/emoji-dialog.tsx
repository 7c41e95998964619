/** The picker of emoji. */
import { useEffect, useRef, useState } from "preact/hooks";
import { type Key, t } from "../../i18n/words.ts";
import { Dialog } from "../basics/dialog.tsx";
import { SearchField } from "../basics/field.tsx";
import { type Emoji, findEmoji, loadEmoji } from "./emoji.ts";

const GROUPS: [Key, string][] = [
  ["emoji.faces", "🙂"],
  ["emoji.people", "👋"],
  ["emoji.nature", "🌿"],
  ["emoji.food", "🍎"],
  ["emoji.travel", "⛴️"],
  ["emoji.activities", "⚽"],
  ["emoji.objects", "💡"],
  ["emoji.symbols", "❤️"],
  ["emoji.flags", "🏁"],
];
const FOUND_MAX = 80;

export default function EmojiDialog(props: { onClose(): void; onChoose(emoji: string): void }) {
  const [groups, setGroups] = useState<Emoji[][] | "failed">();
  const [words, setWords] = useState("");
  const list = useRef<HTMLDivElement>(null);
  useEffect(() => {
    loadEmoji().then(setGroups, () => setGroups("failed"));
  }, []);
  const all = Array.isArray(groups) ? groups : [];
  const found = words.trim() === "" ? undefined : findEmoji(all, words, FOUND_MAX);
  return (
    <Dialog title={t("emoji.title")} kind="sheet" onClose={props.onClose}>
      <div class="picker">
        <SearchField label={t("emoji.find")} value={words} onValue={setWords} />
        <div class="groups">
          {GROUPS.map(([key, glyph], at) => (
            <button
              key={key}
              type="button"
              aria-label={t(key as "emoji.faces")}
              title={t(key as "emoji.faces")}
              onClick={() => {
                setWords("");
                list.current?.querySelectorAll("section")[at]?.scrollIntoView({ block: "start" });
              }}
            >
              {glyph}
            </button>
          ))}
        </div>
        <div class="scroll" ref={list}>
          {groups === "failed" ? <p role="alert">{t("lazy.failed")}</p> : null}
          {found === undefined ? (
            all.map((group, at) => (
              <section key={GROUPS[at]?.[0]}>
                <h3>{t((GROUPS[at]?.[0] ?? "emoji.faces") as "emoji.faces")}</h3>
                <Grid emoji={group} onChoose={props.onChoose} />
              </section>
            ))
          ) : found.length === 0 ? (
            <p class="hint">{t("emoji.none")}</p>
          ) : (
            <Grid emoji={found} onChoose={props.onChoose} />
          )}
        </div>
      </div>
    </Dialog>
  );
}

function Grid({ emoji, onChoose }: { emoji: readonly Emoji[]; onChoose(glyph: string): void }) {
  return (
    <div class="emoji-grid">
      {emoji.map(({ glyph, label }) => (
        <button key={glyph} type="button" aria-label={label} title={label} onClick={() => onChoose(glyph)}>
          {glyph}
        </button>
      ))}
    </div>
  );
}
