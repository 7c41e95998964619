import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import { calls, eventually, inWorld, open, useBrowser } from "./browser.ts";

useBrowser();

/** What a user sees of the place of a list. */
const LISTS: Record<string, { at: string; open?: (page: Page) => Promise<unknown>; none: string | RegExp }> =
  {
    friends: { at: "#/people/friends", none: "No friends yet" },
    requests: { at: "#/people/requests", none: "No requests" },
    "blocked people": { at: "#/people/blocked", none: "You have blocked nobody" },
    devices: { at: "#/settings/devices", none: /^$/ },
    "open invitations": {
      at: "",
      open: (page) => page.getByRole("button", { name: "Open invitations" }).click(),
      none: "No invitation is open",
    },
    bans: {
      at: "",
      open: (page) => page.getByRole("button", { name: "Bans" }).click(),
      none: "Nobody is banned",
    },
  };
const EMPTY = `
  ferry.app.friends.value = [];
  ferry.app.requests.value = { incoming: [], outgoing: [] };
  ferry.app.blocked.value = [];
  ferry.app.session.devices.value = [];
  for (const room of ferry.app.open.values()) { room.bans = []; room.openInvitations = []; }
`;

async function at(name: string, world: string): Promise<Page> {
  const list = LISTS[name];
  const page = await open({ story: "details" });
  await inWorld(page, EMPTY + world);
  if (list?.at !== "") {
    await page.evaluate((hash) => {
      location.hash = hash;
    }, list?.at ?? "");
  }
  await list?.open?.(page);
  return page;
}

describe("a list that has nothing", () => {
  for (const [name, { none }] of Object.entries(LISTS)) {
    it(`44 waits, says why nothing came, tries again, and says that there is nothing: ${name}`, async () => {
      const slow = await at(name, "ferry.app.isSlow = true");
      await slow.getByText("One moment…").waitFor();
      expect(await slow.getByText(none).filter({ hasText: /./ }).count()).toBe(0);

      const page = await at(name, "ferry.app.problems.push({ key: 'problem.unreachable', values: {} })");
      await page.getByRole("alert").waitFor();
      expect(await page.getByText(none).filter({ hasText: /./ }).count()).toBe(0);
      await page.getByRole("button", { name: "Try again" }).click();
      await eventually(() => page.getByRole("alert").count(), 0);
      if (none instanceof RegExp) {
        return;
      }
      await page.getByText(none).first().waitFor();
    });
  }

  it("35 says what to do where no room has the name, also if there are none at all", async () => {
    for (const story of ["home", "first-steps"]) {
      for (const size of ["desktop", "phone"] as const) {
        const page = await open({ story, size });
        await page.getByRole("searchbox", { name: "Find a room" }).fill("zzz");
        const search = page.getByRole("navigation", { name: "Rooms and people" });
        await search.getByText("No room has this name").waitFor();
        await search.getByRole("link", { name: "Find people" }).click();
        await eventually(() => page.evaluate(() => location.hash), "#/people/find");
      }
    }
  });

  it("35 goes to a hidden room by its name with Enter, and says nothing is found only if so", async () => {
    const page = await open({ story: "hidden-rooms" });
    const name = await inWorld<string>(page, "ferry.app.rooms.hidden.value[0].name");
    const field = page.getByRole("searchbox", { name: "Find a room" });
    await field.fill(name);
    expect(await page.getByText("No room has this name").count()).toBe(0);
    await field.press("Enter");
    await eventually(() => page.locator("#main .head h1").textContent(), name);
  });

  it("35 says in the switcher that there are no rooms yet", async () => {
    const page = await open({ story: "no-rooms" });
    await page.keyboard.press("Control+k");
    await page.getByText("There are no rooms yet").waitFor();
    await page.getByRole("combobox").fill("x");
    await page.getByText("Nothing has this name").waitFor();
  });

  it("tells what a channel is before a search, and what to do after one that finds none", async () => {
    const page = await open({ story: "channels" });
    await page.getByText("Look for a channel").waitFor();
    await page.getByRole("searchbox", { name: "Name of the channel" }).fill("zzz");
    await page.keyboard.press("Enter");
    await page.getByText("No channel has this name").waitFor();
    await page.getByRole("link", { name: "Create a room" }).waitFor();
  });

  it("says that no member and no room to forward to has the name", async () => {
    const page = await open({ story: "room" });
    await page.locator(".bubble").last().click({ button: "right" });
    await page.getByRole("menuitem", { name: "Forward" }).click();
    await page.getByRole("dialog").getByRole("searchbox").fill("zzz");
    await page.getByRole("dialog").getByText("No room has this name").waitFor();
  });
});

describe("what is missing", () => {
  it("18 is listed in the settings, with what to do about it", async () => {
    const page = await open({ story: "holes" });
    const list = page.getByRole("list", { name: "What may be missing" });
    const items = list.getByRole("listitem");
    await eventually(() => items.count(), 3);
    expect(await items.first().textContent()).toMatch(
      /3.* messages of .*Ann Okafor.*Island weekend.*between/,
    );
    expect(await items.last().textContent()).toMatch(/nobody can count.*between/);
    await page.getByText("Export a backup there, and import it here").waitFor();
    await page.getByRole("button", { name: "Import the missing messages" }).click();
    await page.getByRole("dialog", { name: "Import a backup" }).waitFor();

    const whole = await open({ story: "history" });
    await whole.getByText("As far as this device knows, nothing is missing").waitFor();
  });
});

describe("what a user says of themselves", () => {
  it("is changed in the settings, and only what was changed is sent", async () => {
    const page = await open({ story: "account" });
    const about = page.getByLabel("About you");
    expect(await about.inputValue()).toBe("Sails on Saturdays.");
    await about.fill("I row.\nOn Sundays.");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByText("Saved.").waitFor();
    expect(await calls(page, "changeProfile")).toEqual([[{ about: "I row.\nOn Sundays." }]]);
  });

  it("is shown in the profile and in the details, with the picture as a link", async () => {
    for (const story of ["person", "details-direct"]) {
      const page = await open({ story });
      await page.getByText("Sails on Saturdays.").waitFor();
      const picture = page.getByRole("link", { name: /Picture/ });
      expect(await picture.getAttribute("href")).toBe("https://example.org/ann.png");
      expect(await picture.getAttribute("rel")).toBe("noopener noreferrer nofollow");
    }
  });
});

describe("a store that the browser has deleted", () => {
  it("F8 is waited for, and then said to be gone", async () => {
    const page = await open({ story: "home" });
    await inWorld(
      page,
      "ferry.app.list.value = []; ferry.app.phase.value = { is: 'starting', isAgain: true }",
    );
    await page.getByText("Ferry opens your history again…").waitFor();
    expect(await page.getByText("Welcome aboard").count()).toBe(0);
    await inWorld(page, "ferry.app.phase.value = { is: 'signed_in', isEmptyDevice: true, isErased: true }");
    await page.getByText("The browser has deleted the history").waitFor();
  });
});
