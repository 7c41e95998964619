import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import { calls, eventually, inWorld, open, useBrowser } from "./browser.ts";

useBrowser();

interface Stop {
  name: string;
  hasRing: boolean;
  isSeen: boolean;
}

/** What has the focus: its name, whether a ring shows it, and whether it is in view and not covered. */
async function stop(page: Page): Promise<Stop | undefined> {
  return page.evaluate(() => {
    const element = document.activeElement;
    if (element === null || element === document.body) {
      return undefined;
    }
    // What has no looks of its own shows its focus on what stands for it.
    const bearer = element.closest(".segments label, .writing-box") ?? element;
    const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(bearer);
    const isBox = bearer.matches(".writing-box") && boxShadow !== "none";
    const isMain = element.id === "main";
    const box = bearer.getBoundingClientRect();
    const x = Math.min(Math.max(box.left + box.width / 2, 0), innerWidth - 1);
    const y = Math.min(Math.max(box.top + Math.min(box.height / 2, 12), 0), innerHeight - 1);
    const top = document.elementFromPoint(x, y);
    const isIn = box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth;
    const label = element.getAttribute("aria-label") ?? element.textContent ?? "";
    return {
      name: `${element.tagName.toLowerCase()} ${label.trim().slice(0, 40)}`,
      hasRing: isMain || isBox || (outlineStyle !== "none" && Number.parseFloat(outlineWidth) >= 1),
      isSeen: isMain || (isIn && top !== null && (bearer.contains(top) || top.contains(bearer))),
    };
  });
}

/** Goes through the page with Tab until it comes round, and returns where it stopped. */
async function stops(page: Page): Promise<Stop[]> {
  const all: Stop[] = [];
  await page.evaluate(() => {
    (document.activeElement as HTMLElement | null)?.blur();
    (globalThis as { seen?: WeakSet<Element> }).seen = new WeakSet();
  });
  for (let at = 0; at < 200; at += 1) {
    await page.keyboard.press("Tab");
    const isNew = await page.evaluate(() => {
      const { seen } = globalThis as unknown as { seen: WeakSet<Element> };
      const element = document.activeElement ?? document.body;
      const was = seen.has(element);
      seen.add(element);
      return !was;
    });
    const here = await stop(page);
    if (!isNew) {
      return all;
    }
    if (here !== undefined) {
      all.push(here);
    }
  }
  throw new Error(`Tab does not come round: ${all.map(({ name }) => name).join(", ")}`);
}

/** Goes on with Tab to what has a name. */
async function tabTo(page: Page, name: string | RegExp, key = "Tab"): Promise<void> {
  const passed: string[] = [];
  for (let at = 0; at < 120; at += 1) {
    const here = (await stop(page))?.name ?? "";
    if (typeof name === "string" ? here.endsWith(name) : name.test(here)) {
      return;
    }
    passed.push(here);
    await page.keyboard.press(key);
  }
  throw new Error(`no stop has the name ${name}: ${passed.join(", ")}`);
}

const STORIES = [
  "home",
  "room",
  "trouble",
  "details",
  "details-direct",
  "receipts",
  "people",
  "requests",
  "find",
  "person",
  "invitations",
  "new",
  "channels",
  "notices",
  "search",
  "account",
  "privacy",
  "devices",
  "appearance",
  "language",
  "holes",
  "first-steps",
  "offline",
  "login",
  "login-devices",
  "logged-out",
  "cookies",
];

describe("37 the keyboard is enough", () => {
  for (const story of STORIES) {
    it(`37 shows where the focus is at each stop: ${story}`, async () => {
      const page = await open({ story });
      const all = await stops(page);
      expect(all.length).toBeGreaterThan(story === "cookies" ? 0 : 2);
      expect(all.filter(({ hasRing }) => !hasRing).map(({ name }) => name)).toEqual([]);
      expect(all.filter(({ isSeen }) => !isSeen).map(({ name }) => name)).toEqual([]);
    });
  }

  it("37 goes to a room, writes, reacts, replies and deletes with keys alone", async () => {
    const page = await open({ story: "home" });
    await tabTo(page, /^a Island weekend|^a .*Island weekend/);
    await page.keyboard.press("Enter");
    await page.locator("textarea").waitFor();
    await tabTo(page, "textarea Message");
    await page.keyboard.type("By keys alone");
    await page.keyboard.press("Enter");
    await eventually(async () => (await calls(page, "room.send"))[0]?.[0], "By keys alone");
    await tabTo(page, /^article .*By keys alone/, "Shift+Tab");
    // The own message: its menu, the first quick reaction.
    await page.keyboard.press("Enter");
    await page.getByRole("menu").waitFor();
    await page.keyboard.press("Enter");
    await eventually(async () => (await calls(page, "room.react"))[0]?.[1], "👍");
    // The focus is on the message again. Tab goes on to the reaction, which is taken back.
    await eventually(async () => (await stop(page))?.name.startsWith("article"), true);
    await page.keyboard.press("Tab");
    await eventually(async () => (await stop(page))?.name.includes("👍"), true);
    await page.keyboard.press("Enter");
    await eventually(async () => (await calls(page, "room.react"))[1]?.[2], true);
    await tabTo(page, /^article/, "Shift+Tab");
    await page.keyboard.press("ArrowUp");
    await page.keyboard.press("Shift+F10");
    await page.getByRole("menu").waitFor();
    await chooseItem(page, "Reply");
    await eventually(async () => (await stop(page))?.name, "textarea Message");
    await page.keyboard.press("Escape");
    await tabTo(page, /^article/, "Shift+Tab");
    await page.keyboard.press("End");
    await eventually(async () => (await stop(page))?.name.includes("By keys alone"), true);
    await page.keyboard.press("Enter");
    await page.getByRole("menu").waitFor();
    await chooseItem(page, "Delete");
    await page.getByRole("dialog").waitFor();
    await tabTo(page, "button Delete");
    await page.keyboard.press("Enter");
    await eventually(async () => (await calls(page, "room.remove")).length, 1);
  });

  it("37 chooses an emoji with the arrows, and goes to a group", async () => {
    const page = await open({ story: "direct" });
    await tabTo(page, "button Emoji");
    await page.keyboard.press("Enter");
    await page.locator(".emoji-grid button").first().waitFor();
    await tabTo(page, /^button .*Food/);
    await page.keyboard.press("Enter");
    const focused = () => page.evaluate(() => document.activeElement?.getAttribute("aria-label") ?? "");
    const names = await page
      .locator(".emoji-grid")
      .nth(3)
      .locator("button")
      .evaluateAll((all) => all.slice(0, 30).map((one) => one.getAttribute("aria-label")));
    await eventually(focused, names[0] ?? "");
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("ArrowRight");
    await eventually(focused, names[2] ?? "");
    await page.keyboard.press("ArrowDown");
    const below = await focused();
    expect(names.indexOf(below)).toBeGreaterThan(4);
    await page.keyboard.press("ArrowUp");
    await eventually(focused, names[2] ?? "");
    await page.keyboard.press("Enter");
    await eventually(async () => (await page.locator("textarea").inputValue()).length > 0, true);
  });

  it("37 changes the role of a member, mutes the room and leaves it with keys alone", async () => {
    const page = await open({ story: "room" });
    await tabTo(page, "button Show the details", "Shift+Tab");
    await page.keyboard.press("Enter");
    await page.getByRole("switch", { name: /Mute/ }).waitFor();
    await page.getByRole("switch", { name: /Mute/ }).focus();
    await page.keyboard.press("Space");
    await eventually(async () => (await calls(page, "room.setMuted")).length, 1);
    await tabTo(page, /^button What to do with .*Bob/);
    await page.keyboard.press("Enter");
    await page.getByRole("menu").waitFor();
    await chooseItem(page, "Make an admin");
    await eventually(async () => (await calls(page, "room.changeMember")).length, 1);
    await tabTo(page, /^button Delete the room|^button Leave/);
  });

  it("37 keeps every letter that is typed, in each field of a form", async () => {
    const page = await open({ story: "new" });
    await tabTo(page, /^input/);
    for (const label of ["Name", "Description", "Find people"]) {
      await page.getByLabel(label, { exact: true }).focus();
      await page.keyboard.type("jkgcn/?");
      expect(await page.getByLabel(label, { exact: true }).inputValue()).toBe("jkgcn/?");
    }
    expect(await inWorld<string>(page, "location.hash")).toBe("#/new/create");
    expect(await page.getByRole("dialog").count()).toBe(0);
  });
});

/** Goes to an item of the open menu with the arrows. */
async function chooseItem(page: Page, name: string): Promise<void> {
  for (let at = 0; at < 20; at += 1) {
    const here = await page.evaluate(() => document.activeElement?.textContent ?? "");
    if (here === name) {
      await page.keyboard.press("Enter");
      return;
    }
    await page.keyboard.press("ArrowDown");
  }
  throw new Error(`the menu has no ${name}`);
}
