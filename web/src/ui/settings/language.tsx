/** The language of the screens. */
import { t } from "../../i18n/words.ts";
import { useApp } from "../app-context.ts";

const LANGUAGES = ["system", "en", "ru", "pseudo"] as const;
/** Each language is named in itself. */
const NAMES: Record<string, string> = { en: "English", ru: "Русский" };

export function Language() {
  const { settings } = useApp();
  const { language } = settings.values.value;
  return (
    <fieldset>
      <legend class="label">{t("language.label")}</legend>
      {LANGUAGES.map((value) => (
        <label key={value} class="choice">
          <input
            type="radio"
            name="language"
            checked={value === language}
            onChange={() => settings.set({ language: value })}
          />
          <span>
            <span lang={value === "en" || value === "ru" ? value : undefined}>
              {NAMES[value] ?? t(value === "system" ? "language.system" : "language.pseudo")}
            </span>
          </span>
        </label>
      ))}
    </fieldset>
  );
}
