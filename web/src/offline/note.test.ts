import { describe, expect, it } from "vitest";
import { placeOf, showPlace } from "./note.ts";
import type { Scope, Tab } from "./scope.ts";

const PLACE = "#/room/0000-r/0000-u/0000-m";

function world(
  tabs: { name: string; path?: string; focused?: boolean; visibilityState?: DocumentVisibilityState }[],
) {
  const did: string[] = [];
  const made = tabs.map(
    ({ name, path = "/", focused = false, visibilityState = "hidden" }): Tab => ({
      url: `https://ferry.example${path}`,
      focused,
      visibilityState,
      focus: async () => did.push(`focus ${name}`),
      postMessage: (message) => did.push(`${name} ${JSON.stringify(message)}`),
    }),
  );
  const clients = {
    matchAll: async () => made,
    openWindow: async (address: string) => did.push(`open ${address}`),
  };
  return { scope: { clients } as unknown as Scope, did };
}

describe("30: a click on a notification", () => {
  const go = JSON.stringify({ is: "go", hash: PLACE });

  it("goes to the tab with the focus, else to a visible one, else to any", async () => {
    const focused = world([
      { name: "a" },
      { name: "b", visibilityState: "visible" },
      { name: "c", focused: true },
    ]);
    await showPlace(focused.scope, PLACE);
    expect(focused.did).toEqual([`c ${go}`, "focus c"]);
    const visible = world([{ name: "a" }, { name: "b", visibilityState: "visible" }]);
    await showPlace(visible.scope, PLACE);
    expect(visible.did).toEqual([`b ${go}`, "focus b"]);
    const hidden = world([{ name: "a" }, { name: "b" }]);
    await showPlace(hidden.scope, PLACE);
    expect(hidden.did).toEqual([`a ${go}`, "focus a"]);
  });

  it("opens a tab if there is none", async () => {
    const { scope, did } = world([]);
    await showPlace(scope, PLACE);
    expect(did).toEqual([`open /${PLACE}`]);
  });

  it("passes over other pages of the relay", async () => {
    const { scope, did } = world([
      { name: "docs", path: "/docs", focused: true },
      { name: "a", path: "/#/x" },
    ]);
    await showPlace(scope, PLACE);
    expect(did).toEqual([`a ${go}`, "focus a"]);
  });

  it("goes to rooms alone", () => {
    expect(placeOf({ room: "r", hash: PLACE })).toBe(PLACE);
    for (const hash of [
      "https://evil.example/",
      "//evil.example",
      "#/settings",
      "javascript:alert(1)",
      1,
      undefined,
    ]) {
      expect(placeOf({ hash })).toBeUndefined();
    }
    expect(placeOf(null)).toBeUndefined();
    expect(placeOf("#/room/x")).toBeUndefined();
  });
});
