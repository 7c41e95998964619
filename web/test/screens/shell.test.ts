import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import { calls, eventually, inWorld, open, useBrowser } from "./browser.ts";

useBrowser();

const title = (page: Page) => page.locator("#main .head h1").textContent();
const hash = (page: Page) => page.evaluate(() => location.hash);

describe("the shell", () => {
  it("30 asks for notifications on a click alone", async () => {
    const page = await open({ story: "notifications" });
    expect(await calls(page, "allowNotifications")).toEqual([]);
    await page.getByRole("button", { name: "Turn on notifications" }).click();
    await page.getByText("Notifications are on for this browser.").waitFor();
    expect(await calls(page, "allowNotifications")).toEqual([[]]);
    await page.getByRole("switch", { name: /Show the text/ }).click();
    await eventually(() => calls(page, "set"), [[{ notificationText: false }]]);
  });

  it("35 switches rooms and people with Ctrl K, offline too", async () => {
    const page = await open({ story: "offline" });
    await page.keyboard.press("Control+k");
    const field = page.getByRole("combobox");
    await field.fill("isl");
    await page.getByRole("option", { name: /Island weekend/ }).waitFor();
    await field.press("Enter");
    await eventually(() => title(page), "Island weekend");
    await page.keyboard.press("Control+k");
    await page.getByRole("combobox").fill("ann");
    await page.getByRole("option", { name: /Ann Okafor/ }).waitFor();
    await page.keyboard.press("Enter");
    await eventually(async () => (await calls(page, "direct")).length, 1);
  });

  it("36 searches with filters, and jumps to what it finds", async () => {
    const page = await open({ story: "search" });
    await page.getByRole("searchbox", { name: "Words in messages" }).fill("lighthouse");
    const hit = page.locator(".hit");
    await hit.first().waitFor();
    expect(await hit.first().locator("mark").textContent()).toBe("lighthouse");
    await page.getByRole("combobox", { name: "Room" }).selectOption({ label: "Island weekend" });
    await page.getByRole("combobox", { name: "From" }).fill("bob");
    await page
      .locator(".choices")
      .getByRole("option", { name: /Bob Larsen/ })
      .click();
    const last = async () => (await calls(page, "search")).at(-1)?.[0] as { room?: string; from?: string };
    await eventually(async () => Object.keys(await last()).sort(), ["from", "room", "words"]);
    await hit.first().click();
    await page.locator(".message.lit", { hasText: "Pier 3" }).waitFor();
  });

  it("36 goes on where it paused, and offers no more where there is none", async () => {
    const page = await open({ story: "search" });
    const words = page.getByRole("searchbox", { name: "Words in messages" });
    await words.fill("the");
    await page.getByText(/messages found so far/).waitFor();
    expect(await page.locator(".hit").count()).toBe(40);
    await page.getByRole("button", { name: "Search further back" }).click();
    await eventually(async () => (await page.locator(".hit").count()) > 40, true);
    expect(await page.getByRole("button", { name: "Search further back" }).count()).toBe(0);
    await words.fill("lighthouse");
    await page.getByText(/message found$/).waitFor();
    expect(await page.getByRole("button", { name: "Search further back" }).count()).toBe(0);
  });

  it("37 goes from room to room, and to what is unread, by the keyboard", async () => {
    const page = await open({ story: "direct" });
    await page.keyboard.press("Alt+ArrowDown");
    await eventually(() => title(page), "林小雨");
    await page.keyboard.press("Alt+ArrowUp");
    await eventually(() => title(page), "Bob Larsen");
    await page.keyboard.press("Alt+Shift+ArrowDown");
    await eventually(() => title(page), "محمد الأحمد");
    await page.keyboard.press("Control+/");
    await page.getByRole("dialog", { name: "Keyboard shortcuts" }).waitFor();
    await page.keyboard.press("Escape");
    await eventually(() => page.locator(".dialog").count(), 0);
  });

  it("37 does nothing for a bare letter while the user types", async () => {
    const page = await open({ story: "direct" });
    const before = await hash(page);
    await page.locator("textarea").pressSequentially("kf/,re?");
    expect(await page.locator("textarea").inputValue()).toBe("kf/,re?");
    expect(await hash(page)).toBe(before);
    expect(await page.locator("dialog").count()).toBe(0);
  });

  it("40 gives the focus back when a dialog closes", async () => {
    const page = await open({ story: "devices" });
    const button = page.getByRole("button", { name: /Log out .*iPhone/ });
    await button.click();
    await page.getByRole("dialog").waitFor();
    await page.keyboard.press("Escape");
    await eventually(() => page.getByRole("dialog").count(), 0);
    await eventually(() => button.evaluate((e) => e === document.activeElement), true);
  });

  it("40 has targets of 24 px, and of 44 px for a finger", async () => {
    for (const [size, least] of [
      ["desktop", 24],
      ["phone", 44],
    ] as const) {
      const page = await open({ story: "room", size });
      const small = await page.evaluate((wanted) => {
        const all = [
          ...document.querySelectorAll<HTMLElement>("button.icon-button, a.icon-button, .room-row, .to-end"),
        ];
        return all
          .filter((e) => e.getBoundingClientRect().width > 0 && e.closest(".tools") === null)
          .filter((e) => Math.min(e.getBoundingClientRect().width, e.getBoundingClientRect().height) < wanted)
          .map((e) => e.outerHTML.slice(0, 80));
      }, least);
      expect(small).toEqual([]);
    }
  });

  it("41 closes the sheet with Back, then the room", async () => {
    const page = await open({ story: "home", size: "phone" });
    await page.locator(".room-row", { hasText: "Island weekend" }).click();
    await page.locator(".composer").waitFor();
    expect(await page.locator(".list-pane").count()).toBe(0);
    await page.getByRole("button", { name: "Emoji" }).click();
    await page.getByRole("dialog").waitFor();
    await page.goBack();
    await eventually(() => page.getByRole("dialog").count(), 0);
    expect(await page.locator(".composer").count()).toBe(1);
    await page.goBack();
    await page.locator(".list-pane").waitFor();
    expect(await page.locator(".composer").count()).toBe(0);
  });

  it("41 keeps the composer in view over a keyboard, with letters of 16 px", async () => {
    const page = await open({ story: "room", size: "phone" });
    await page.setViewportSize({ width: 390, height: 420 });
    const box = await page.locator(".writing-box").boundingBox();
    expect((box?.y ?? 999) + (box?.height ?? 0)).toBeLessThanOrEqual(420);
    const size = await page
      .locator("textarea")
      .evaluate((e) => Number.parseFloat(getComputedStyle(e).fontSize));
    expect(size).toBeGreaterThanOrEqual(16);
  });

  it("43 is light, dark, or as the system is", async () => {
    const page = await open({ story: "appearance" });
    const theme = () => page.evaluate(() => document.documentElement.dataset["theme"]);
    await page.getByRole("radio", { name: "Dark" }).check();
    await eventually(theme, "dark");
    await page.emulateMedia({ colorScheme: "light" });
    await page.getByRole("radio", { name: "As the system" }).check();
    await eventually(theme, "light");
    await page.emulateMedia({ colorScheme: "dark" });
    await eventually(theme, "dark");
  });

  it("49 shows size, quota, and why the history is not protected", async () => {
    const page = await open({ story: "history-ios" });
    const text = await page.locator("#main").textContent();
    expect(text).toContain("48 MB");
    expect(text).toContain("2.1 GB");
    expect(text).toContain("Safari deletes the history after 7 days");
    expect(await page.locator(".strip").textContent()).toContain("time for a fresh backup");
    await inWorld(
      page,
      "ferry.app.historyStatus.value = { ...ferry.app.historyStatus.value, protection: 'not_asked' }",
    );
    await page.getByRole("button", { name: "Protect the history" }).click();
    await page.getByText("The history is protected").waitFor();
  });

  it("51 offers to reload, and never does it by itself", async () => {
    const page = await open({ story: "direct" });
    await page.locator("textarea").pressSequentially("half a thought");
    await inWorld(page, "ferry.app.phase.value = { is: 'signed_in', isEmptyDevice: false, hasUpdate: true }");
    await page.getByRole("button", { name: "Reload" }).waitFor();
    expect(await page.locator("textarea").inputValue()).toBe("half a thought");
  });

  it("shows nothing for a room that is not here, and what to do", async () => {
    const page = await open({ story: "no-room" });
    await page.getByRole("heading", { name: "This room is not here" }).waitFor();
  });

  it("speaks Russian at once when it is chosen", async () => {
    const page = await open({ story: "language" });
    await page.getByRole("radio", { name: "Русский" }).check();
    await page.getByRole("heading", { name: "Настройки" }).waitFor();
    expect(await page.evaluate(() => document.documentElement.lang)).toBe("ru");
  });
});
