/** The settings: a list of sections, and the open one. */
import type { ComponentType } from "preact";
import { type Key, t } from "../../i18n/words.ts";
import type { IconName } from "../basics/icon.tsx";
import { Icon } from "../basics/icon.tsx";
import { isNarrow } from "../device.ts";
import { href } from "../route.ts";
import { KeyList } from "../shell/help.tsx";
import { overlay } from "../shell/overlay.ts";
import { Page, Pane } from "../shell/pane.tsx";
import { Account } from "./account.tsx";
import { Appearance } from "./appearance.tsx";
import { Devices } from "./devices.tsx";
import { HistorySection } from "./history.tsx";
import { Language } from "./language.tsx";
import { Notifications } from "./notifications.tsx";
import { PrivacySection } from "./privacy.tsx";

interface Section {
  name: string;
  icon: IconName;
  screen: ComponentType;
}

const SECTIONS: Section[] = [
  { name: "account", icon: "person", screen: Account },
  { name: "privacy", icon: "lock", screen: PrivacySection },
  { name: "devices", icon: "screen", screen: Devices },
  { name: "notifications", icon: "bell", screen: Notifications },
  { name: "appearance", icon: "sun", screen: Appearance },
  { name: "language", icon: "globe", screen: Language },
  { name: "history", icon: "archive", screen: HistorySection },
  { name: "shortcuts", icon: "keyboard", screen: KeyList },
];

export default function Settings({ section }: { section: string | undefined }) {
  const chosen = SECTIONS.find(({ name }) => name === section);
  const shown = chosen ?? SECTIONS[0];
  const Screen = shown?.screen ?? Account;
  const title = t(`settings.${chosen?.name ?? "title"}` as Key as "settings.title");
  return (
    <Pane
      title={isNarrow.value ? title : t("settings.title")}
      back={chosen === undefined ? { at: "home" } : { at: "settings" }}
    >
      <div class={chosen === undefined ? "settings" : "settings within"}>
        <nav class="scroll" aria-label={t("settings.title")}>
          <ul class="action-list">
            {SECTIONS.map(({ name, icon }) => (
              <li key={name}>
                <a
                  class="action"
                  href={href({ at: "settings", section: name })}
                  aria-current={name === (isNarrow.value ? chosen : shown)?.name ? "page" : undefined}
                >
                  <Icon name={icon} />
                  {t(`settings.${name}` as Key as "settings.title")}
                </a>
              </li>
            ))}
            <li>
              <button
                type="button"
                class="action danger"
                onClick={() => {
                  overlay.value = "logout";
                }}
              >
                <Icon name="out" />
                {t("settings.logout")}
              </button>
            </li>
          </ul>
        </nav>
        <Page>
          <h2 class={isNarrow.value ? "hidden-words" : undefined}>
            {t(`settings.${shown?.name}` as Key as "settings.title")}
          </h2>
          <Screen />
        </Page>
      </div>
    </Pane>
  );
}
