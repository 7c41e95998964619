/** The keys. */
import { type Key, t } from "../../i18n/words.ts";
import { Dialog } from "../basics/dialog.tsx";
import { isApple } from "../device.ts";

const command = isApple ? "⌘" : "Ctrl";
const alt = isApple ? "⌥" : "Alt";
const shift = isApple ? "⇧" : "Shift";

const KEYS: [Key, string[]][] = [
  ["help.switch", [command, "K"]],
  ["help.search", [command, shift, "F"]],
  ["help.next", [alt, "↑ ↓"]],
  ["help.next_unread", [alt, shift, "↑ ↓"]],
  ["help.settings", [command, ","]],
  ["help.keys", [command, "/"]],
  ["help.send", ["Enter"]],
  ["help.break", [shift, "Enter"]],
  ["help.edit_last", ["↑"]],
  ["help.cancel", ["Esc"]],
  ["help.rows", ["↑ ↓ Home End"]],
  ["help.menu", ["Enter"]],
  ["help.person", ["@"]],
  ["help.emoji", [":"]],
];

export function KeyList() {
  return (
    <ul class="rows">
      {KEYS.map(([key, keys]) => (
        <li key={key} class="shortcut">
          <span>{t(key as "help.switch")}</span>
          <span>
            {keys.map((one) => (
              <kbd key={one}>{one}</kbd>
            ))}
          </span>
        </li>
      ))}
    </ul>
  );
}

export default function Help({ onClose }: { onClose(): void }) {
  return (
    <Dialog title={t("help.title")} onClose={onClose}>
      <div class="list-box">
        <KeyList />
      </div>
    </Dialog>
  );
}
