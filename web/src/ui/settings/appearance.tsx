/** The theme, the motion, and what Enter does. */
import { t } from "../../i18n/words.ts";
import { useApp } from "../app-context.ts";
import { Choice, Segments } from "../basics/field.tsx";

export function Appearance() {
  const { settings } = useApp();
  const { theme, reduceMotion, enterSends } = settings.values.value;
  return (
    <>
      <Segments
        label={t("appearance.theme")}
        value={theme}
        options={(["system", "light", "dark"] as const).map((value) => ({
          value,
          label: t(`appearance.${value}`),
        }))}
        onChange={(chosen) => settings.set({ theme: chosen })}
      />
      <section>
        <Choice
          label={t("appearance.motion")}
          hint={t("appearance.motion_hint")}
          isOn={reduceMotion}
          isSwitch
          onChange={(isOn) => settings.set({ reduceMotion: isOn })}
        />
        <Choice
          label={t("appearance.enter")}
          hint={enterSends ? t("appearance.enter_on") : t("appearance.enter_off")}
          isOn={enterSends}
          isSwitch
          onChange={(isOn) => settings.set({ enterSends: isOn })}
        />
      </section>
    </>
  );
}
