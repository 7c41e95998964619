/** Screens that are loaded when they are first opened. */
import { signal } from "@preact/signals";
import { type ComponentChild, type ComponentType, h } from "preact";
import { t } from "../../i18n/words.ts";

type Lazy<P> = ComponentType<P> & {
  /** Loads it before it is shown. */
  preload(): void;
};

/**
 * Returns a component that loads another one. While it loads, `meanwhile` is shown, and if it
 * cannot be loaded the user may try again.
 */
export function lazy<P>(
  load: () => Promise<{ default: ComponentType<P> }>,
  meanwhile: () => ComponentChild = () => null,
): Lazy<P> {
  const state = signal<ComponentType<P> | "none" | "loading" | "failed">("none");
  const begin = () => {
    state.value = "loading";
    load().then(
      (module) => {
        state.value = module.default;
      },
      () => {
        state.value = "failed";
      },
    );
  };
  function Lazy(props: P) {
    if (state.value === "none") {
      queueMicrotask(begin);
      return <>{meanwhile()}</>;
    }
    if (state.value === "loading") {
      return <>{meanwhile()}</>;
    }
    if (state.value === "failed") {
      return (
        <div class="empty" role="alert">
          <p>{t("lazy.failed")}</p>
          <button type="button" class="button" onClick={begin}>
            {t("try_again")}
          </button>
        </div>
      );
    }
    // A component of any properties takes these.
    return h(state.value as ComponentType<object>, props as object);
  }
  const preload = () => {
    if (state.peek() === "none") {
      begin();
    }
  };
  return Object.assign(Lazy, { preload });
}
