/** What became of an own message: a sign to look at, and words to hear. */
import type { Mark } from "../../core/ledger.ts";
import { t } from "../../i18n/words.ts";

const LOOK: Record<Mark, { kind: string; path: string }> = {
  waiting: { kind: "", path: "M9 3.500a4.500 4.500 0 1 0 0 9 4.500 4.500 0 0 0 0-9" },
  sent: { kind: "", path: "m4.500 8.500 3 3L13.500 5" },
  delivered: { kind: "", path: "m1.500 8.500 3 3L10.500 5M9 11.200l.5.300L16 5" },
  read: { kind: "mark-read", path: "m1.500 8.500 3 3L10.500 5M9 11.200l.5.300L16 5" },
  unreachable: { kind: "mark-bad", path: "M9 2.500 16 13.500H2zM9 6.500v3M9 11.400v.1" },
  expired: { kind: "mark-bad", path: "M9 2.500 16 13.500H2zM9 6.500v3M9 11.400v.1" },
};

export function MarkSign({ mark }: { mark: Mark }) {
  const { kind, path } = LOOK[mark];
  return (
    <span class={`mark ${kind}`} title={t(`mark.${mark}`)}>
      <svg
        width="18"
        height="16"
        viewBox="0 0 18 16"
        fill="none"
        stroke="currentColor"
        stroke-width={mark === "read" ? "2.4" : "1.5"}
        stroke-linecap="round"
        stroke-linejoin="round"
        aria-hidden="true"
      >
        <path d={path} />
      </svg>
      <span class="hidden-words">{t(`mark.${mark}`)}</span>
    </span>
  );
}
