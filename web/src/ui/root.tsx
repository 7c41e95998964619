/** Shows what the phase of the login asks for. */
import { useEffect, useLayoutEffect } from "preact/hooks";
import { languageOf, speak, t } from "../i18n/words.ts";
import type { App } from "../state/model.ts";
import { AppContext } from "./app-context.ts";
import { Sign } from "./basics/scene.tsx";
import { isDark } from "./device.ts";
import { followAddress } from "./route.ts";
import { lazy } from "./shell/lazy.tsx";

// Who logs in needs no timeline yet, and who is logged in no form.
const Shell = lazy(
  () => import("./shell/shell.tsx"),
  () => <Starting />,
);
const Alone = lazy(
  () => import("./session/pages.tsx"),
  () => <Starting />,
);

export function Root({ app }: { app: App }) {
  useLayoutEffect(followAddress, []);
  useAppearance(app);
  return (
    <AppContext.Provider value={app}>
      <Phase app={app} />
      {/* One polite region for the whole page: two would speak over each other. */}
      <p class="hidden-words" aria-live="polite" role="status" data-announcer>
        {app.announcement.value}
      </p>
    </AppContext.Provider>
  );
}

function Phase({ app }: { app: App }) {
  const phase = app.session.phase.value;
  switch (phase.is) {
    case "starting":
      return <Starting isAgain={phase.isAgain} />;
    case "signed_in":
      return <Shell hasUpdate={phase.hasUpdate === true} />;
    default:
      return <Alone phase={phase} onShown={Shell.preload} />;
  }
}

/** A page that was in use says why it waits, if it takes longer than a moment. */
function Starting({ isAgain = false }: { isAgain?: boolean | undefined }) {
  return (
    <main class="start" aria-busy="true">
      <Sign size={56} />
      <h1 class={isAgain ? "late" : "hidden-words"}>{t(isAgain ? "starting.again" : "starting")}</h1>
    </main>
  );
}

/** Puts the theme, the language and the wish for rest on the page. */
function useAppearance(app: App): void {
  const { theme, language, reduceMotion } = app.settings.values.value;
  const dark = theme === "dark" || (theme === "system" && isDark.value);
  useLayoutEffect(() => {
    const root = document.documentElement;
    root.dataset["theme"] = dark ? "dark" : "light";
    root.dataset["motion"] = reduceMotion ? "less" : "full";
    const bar = dark ? "#0f191c" : "#f3efe6";
    document.querySelector('meta[name="theme-color"]')?.setAttribute("content", bar);
  }, [dark, reduceMotion]);
  useEffect(() => {
    const wanted = language === "system" ? languageOf(navigator.languages) : language;
    document.documentElement.lang = wanted === "ru" ? "ru" : "en";
    // Without the words of a language the page stays in the one that it shows.
    speak(wanted).catch(() => undefined);
  }, [language]);
}
