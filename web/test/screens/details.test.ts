import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import { calls, eventually, fail, inWorld, open, useBrowser } from "./browser.ts";

useBrowser();

const dialog = (page: Page) => page.getByRole("dialog");
const memberMenu = async (page: Page, name: RegExp, item: string) => {
  await page.getByRole("button", { name }).click();
  await page.getByRole("menuitem", { name: item, exact: true }).click();
};

describe("the details of a room", () => {
  it("shows the description, changes it, and takes it away", async () => {
    const page = await open({ story: "details" });
    await page.locator(".side-pane").getByText("We meet at the old harbour.").waitFor();
    await page.getByRole("button", { name: "Change name and description" }).click();
    const field = dialog(page).getByLabel("Description");
    expect(await field.inputValue()).toContain("We meet at the old harbour.");
    await field.fill("");
    await fail(page, { key: "problem.invalid", values: {}, field: "description" });
    await dialog(page).getByRole("button", { name: "Save" }).click();
    await dialog(page).getByText("Something in the form is not allowed").waitFor();
    await dialog(page).getByRole("button", { name: "Save" }).click();
    await eventually(() => dialog(page).count(), 0);
    expect((await calls(page, "room.change")).at(-1)).toEqual([{ name: "Island weekend", description: "" }]);
  });

  it("bans with a reason, lists the bans, and lifts one", async () => {
    const page = await open({ story: "details" });
    await memberMenu(page, /What to do with .*Bob/, "Ban");
    await dialog(page).getByRole("radio", { name: "For good" }).check();
    await dialog(page).getByLabel("Reason").fill("spam");
    await dialog(page).getByRole("button", { name: "Ban" }).click();
    await eventually(async () => (await calls(page, "room.ban")).at(-1)?.[1], { reason: "spam" });
    await eventually(() => dialog(page).count(), 0);

    await page.getByRole("button", { name: "Bans" }).click();
    const items = dialog(page).locator(".item");
    await eventually(() => items.count(), 2);
    expect(await items.first().textContent()).toContain("Sold tickets that were none.");
    expect(await items.last().textContent()).toContain("Until ");
    await items
      .last()
      .getByRole("button", { name: /Lift the ban of/ })
      .click();
    await eventually(() => items.count(), 1);
    expect(await calls(page, "room.liftBan")).toHaveLength(1);
  });

  it("lists open invitations, and withdraws one", async () => {
    const page = await open({ story: "details" });
    await page.getByRole("button", { name: "Open invitations" }).click();
    await fail(page, { key: "problem.unreachable", values: {} });
    await dialog(page)
      .getByRole("button", { name: /Withdraw the invitation of/ })
      .click();
    await dialog(page).getByRole("alert").waitFor();
    await dialog(page)
      .getByRole("button", { name: /Withdraw the invitation of/ })
      .click();
    await dialog(page).getByText("No invitation is open").waitFor();
    expect(await calls(page, "room.withdrawInvitation")).toHaveLength(2);
  });

  it("withdraws an invitation where it was sent", async () => {
    const page = await open({ story: "details" });
    await page.getByRole("button", { name: "Add people" }).click();
    await dialog(page).getByRole("searchbox").fill("hubert");
    await dialog(page).getByRole("button", { name: "Invite" }).click();
    await dialog(page).getByRole("button", { name: "Withdraw" }).click();
    await dialog(page).getByRole("button", { name: "Invite" }).waitFor();
    expect(await calls(page, "room.withdrawInvitation")).toHaveLength(1);
  });

  it("hands the room over, and asks first", async () => {
    const page = await open({ story: "details" });
    await memberMenu(page, /What to do with .*Bob/, "Make the owner");
    await dialog(page).getByText("The room is theirs then").waitFor();
    expect(await calls(page, "room.handOver")).toEqual([]);
    await dialog(page).getByRole("button", { name: "Make the owner" }).click();
    await eventually(async () => (await calls(page, "room.handOver")).length, 1);
  });

  it("hides a room, and deletes one only after a question", async () => {
    const page = await open({ story: "details" });
    await page.getByRole("switch", { name: /Hide from the list/ }).click();
    await eventually(() => calls(page, "room.setHidden"), [[true]]);
    await page.getByRole("button", { name: "Delete the room" }).click();
    expect(await calls(page, "room.delete")).toEqual([]);
    await dialog(page).getByRole("button", { name: "Delete the room" }).click();
    await eventually(() => calls(page, "room.delete"), [[]]);
  });

  it("offers nothing to a member that takes a role", async () => {
    const page = await open({ story: "channel", more: "" });
    await page.getByRole("button", { name: "Show the details" }).click();
    await page.getByRole("button", { name: "Leave the room" }).waitFor();
    for (const name of ["Bans", "Open invitations", "Delete the room", "Change name and description"]) {
      expect(await page.getByRole("button", { name, exact: true }).count()).toBe(0);
    }
  });

  it("35 keeps hidden rooms within reach: in the list, by the name, and with Ctrl K", async () => {
    const page = await open({ story: "hidden-rooms" });
    const hidden = page.locator(".hidden-rooms");
    expect(await hidden.getByText("Winter plans").isVisible()).toBe(false);
    await hidden.locator("summary").click();
    await hidden.getByText("Winter plans").waitFor();
    await hidden.locator("summary").click();
    await page.getByRole("searchbox", { name: "Find a room" }).fill("winter");
    await hidden.getByText("Winter plans").waitFor();
    await page.keyboard.press("Control+k");
    await page.getByRole("combobox").fill("winter");
    await page.getByRole("option", { name: /Winter plans/ }).waitFor();
  });

  it("looks a user up by an id or a link, and shows who they are", async () => {
    const page = await open({ story: "find" });
    const field = page.getByRole("searchbox", { name: "Find people" });
    const olga = "01a1fc98-0000-7000-8000-000000000006";
    await field.fill(`https://relay.example/#/person/${olga}`);
    await page.getByRole("list", { name: "People found" }).getByText("Ольга Петрова").waitFor();
    expect((await calls(page, "look")).at(-1)).toEqual([olga]);
    await page.locator(".item").getByRole("link", { name: "Ольга Петрова" }).click();
    await page.getByText("Sails on Saturdays.").waitFor();
    await page.getByRole("button", { name: "Copy the link to this profile" }).click();
    await page.getByRole("button", { name: "Copied" }).waitFor();
    expect(await page.evaluate(() => navigator.clipboard.readText())).toMatch(
      new RegExp(`/#/person/${olga}$`),
    );
    await page.getByRole("button", { name: "Write" }).click();
    await eventually(() => calls(page, "direct"), [[olga]]);
  });

  it("finds the people of the last words, also while it still looks for others", async () => {
    const page = await open({ story: "find" });
    await inWorld(
      page,
      `(() => {
        const find = ferry.app.people.find;
        ferry.app.people.find = async (name) => {
          if (name === "b") {
            await new Promise((resolve) => { globalThis.letGo = resolve; });
          }
          return find(name);
        };
      })()`,
    );
    const field = page.getByRole("searchbox", { name: "Find people" });
    await field.fill("b");
    await eventually(() => inWorld(page, "globalThis.letGo !== undefined"), true);
    await field.fill("olga");
    const found = page.getByRole("list", { name: "People found" });
    await found.getByText("Ольга Петрова").waitFor({ timeout: 5_000 });
    await inWorld(page, "letGo()");
    await page.evaluate(() => new Promise((resolve) => setTimeout(resolve)));
    expect(await found.locator(".item").count()).toBe(1);
  });

  it("36 filters a search by anybody who is known, with the keys alone", async () => {
    const page = await open({ story: "search" });
    await page.getByRole("searchbox", { name: "Words in messages" }).fill("the");
    const from = page.getByRole("combobox", { name: "From" });
    await from.fill("jürg");
    await page.getByRole("option", { name: /Jürgen Weiß/ }).waitFor();
    await from.press("Enter");
    expect(await from.inputValue()).toBe("Jürgen Weiß");
    const last = async () => (await calls(page, "search")).at(-1)?.[0] as { from?: string };
    await eventually(async () => (await last()).from, "01a1fc98-0000-7000-8000-000000000007");
    await page.getByRole("button", { name: "Search the words of everybody" }).click();
    await eventually(async () => (await last()).from, undefined);
    expect(await inWorld(page, "document.activeElement.getAttribute('role')")).toBe("combobox");
  });
});
