import { signal } from "@preact/signals";
import { expect, it } from "vitest";
import { NEWEST } from "./offline/version.ts";
import type { App, Phase } from "./state/model.ts";
import { NEWEST_PAGE, withUpdates } from "./updates.ts";

it("51: a newer version hides nothing of what the page says", () => {
  const isReady = signal(false);
  const phase = signal<Phase>({ is: "signed_in", isEmptyDevice: true, isErased: true });
  const app = withUpdates({ session: { phase } } as unknown as App, isReady);
  expect(app.session.phase.value).toEqual(phase.value);
  isReady.value = true;
  expect(app.session.phase.value).toEqual({ ...phase.value, hasUpdate: true });
  for (const other of [
    { is: "starting" },
    { is: "reload" },
    { is: "signed_out" },
    { is: "blocked", why: "full" },
  ] satisfies Phase[]) {
    phase.value = other;
    expect(app.session.phase.value).toEqual(other);
  }
});

it("the page and the service worker have the same address for the newest page", () => {
  expect(NEWEST_PAGE).toBe(NEWEST);
});
