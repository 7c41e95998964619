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
  const [asked, setAsked] = useState<{ group: number }>();
  useEffect(() => {
    const section = asked === undefined ? undefined : list.current?.querySelectorAll("section")[asked.group];
    section?.scrollIntoView({ block: "start" });
    section?.querySelector("button")?.focus({ preventScroll: true });
  }, [asked]);
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
                setAsked({ group: at });
              }}
            >
              {glyph}
            </button>
          ))}
        </div>
        {/* biome-ignore lint/a11y/noStaticElementInteractions: the keys are those of its buttons */}
        <div class="scroll" ref={list} onKeyDown={moveInGrid}>
          {groups === "failed" ? <p role="alert">{t("lazy.failed")}</p> : null}
          {found === undefined ? (
            all.map((group, at) => (
              <section key={GROUPS[at]?.[0]}>
                <h3>{t((GROUPS[at]?.[0] ?? "emoji.faces") as "emoji.faces")}</h3>
                <Grid
                  emoji={group}
                  label={t((GROUPS[at]?.[0] ?? "emoji.faces") as "emoji.faces")}
                  onChoose={props.onChoose}
                />
              </section>
            ))
          ) : found.length === 0 ? (
            <p class="hint">{t("emoji.none")}</p>
          ) : (
            <Grid emoji={found} label={t("emoji.find")} onChoose={props.onChoose} />
          )}
        </div>
      </div>
    </Dialog>
  );
}

function Grid(props: { emoji: readonly Emoji[]; label: string; onChoose(glyph: string): void }) {
  const { emoji, label, onChoose } = props;
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset is for forms
    <div class="emoji-grid" role="group" aria-label={label}>
      {emoji.map(({ glyph, label }, at) => (
        <button
          key={glyph}
          type="button"
          tabIndex={at === 0 ? 0 : -1}
          aria-label={label}
          title={label}
          onClick={() => onChoose(glyph)}
        >
          {glyph}
        </button>
      ))}
    </div>
  );
}

/** Arrows go over the emoji. There are far too many for Tab. */
function moveInGrid(event: KeyboardEvent): void {
  const list = event.currentTarget as HTMLElement;
  const all = [...list.querySelectorAll<HTMLElement>(".emoji-grid button")];
  const from = all.indexOf(event.target as HTMLElement);
  const element = all[from];
  if (element === undefined) {
    return;
  }
  const { left, top } = element.getBoundingClientRect();
  /** The nearest one of the row below or above, in the same column if it is so long. */
  const inRow = (step: 1 | -1) => {
    const rest = step === 1 ? all.slice(from + 1) : all.slice(0, from).reverse();
    const next = rest.find((one) => (one.getBoundingClientRect().top - top) * step > 1);
    const row = next?.getBoundingClientRect().top;
    const those = rest.filter((one) => Math.abs(one.getBoundingClientRect().top - (row ?? 0)) < 1);
    const far = (one: HTMLElement) => Math.abs(one.getBoundingClientRect().left - left);
    return those.sort((one, other) => far(one) - far(other))[0];
  };
  const isReversed = getComputedStyle(list).direction === "rtl";
  const targets: Record<string, () => HTMLElement | undefined> = {
    ArrowRight: () => all[from + (isReversed ? -1 : 1)],
    ArrowLeft: () => all[from + (isReversed ? 1 : -1)],
    ArrowDown: () => inRow(1),
    ArrowUp: () => inRow(-1),
    Home: () => all[0],
    End: () => all.at(-1),
  };
  const target = targets[event.key];
  if (target !== undefined) {
    event.preventDefault();
    target()?.focus();
  }
}
