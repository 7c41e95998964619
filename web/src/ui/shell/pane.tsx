/** A pane of the main place: a head with Back, and a page that scrolls. */
import type { ComponentChildren } from "preact";
import { t } from "../../i18n/words.ts";
import { Icon } from "../basics/icon.tsx";
import { href, type Route } from "../route.ts";

export function Pane(props: {
  title: ComponentChildren;
  back?: Route;
  isBackShown?: boolean;
  actions?: ComponentChildren;
  children: ComponentChildren;
}) {
  return (
    <main class="main-pane" id="main" tabIndex={-1}>
      <header class="head">
        <a
          class={props.isBackShown === true ? "icon-button back always" : "icon-button back"}
          href={href(props.back ?? { at: "home" })}
          aria-label={t("back")}
        >
          <Icon name="back" flips />
        </a>
        <h1 class="grow">{props.title}</h1>
        {props.actions}
      </header>
      {props.children}
    </main>
  );
}

export function Page({ children }: { children: ComponentChildren }) {
  return (
    <div class="page scroll" tabIndex={-1}>
      <div class="column">{children}</div>
    </div>
  );
}
