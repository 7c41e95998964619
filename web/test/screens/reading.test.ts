/** What a user sees of a timeline who reads in it, looks away, and comes back. */
import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import { calls, eventually, inWorld, open, useBrowser } from "./browser.ts";

useBrowser();

const log = (page: Page) => page.locator(".timeline");
const distance = (page: Page) =>
  log(page).evaluate((e) => Math.round(e.scrollHeight - e.scrollTop - e.clientHeight));
const frames = (page: Page) =>
  page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));

/** Scrolls to a place, and waits until the page has seen it. */
async function scrollTo(page: Page, place: number): Promise<void> {
  await log(page).evaluate((e, top) => e.scrollTo({ top }), place);
  await frames(page);
}

/** Lets a tab be as one that is hidden: it draws nothing, and hears of no size and nothing in view. */
function canHide(): void {
  let isHidden = false;
  Object.defineProperty(globalThis, "hide", {
    value: (hidden: boolean) => {
      isHidden = hidden;
      document.dispatchEvent(new Event("visibilitychange"));
    },
  });
  Object.defineProperty(document, "visibilityState", { get: () => (isHidden ? "hidden" : "visible") });
  const later = requestAnimationFrame;
  globalThis.requestAnimationFrame = (work) => (isHidden ? 0 : later.call(globalThis, work));
  for (const name of ["ResizeObserver", "IntersectionObserver"] as const) {
    const Real = globalThis[name] as unknown as new (...given: unknown[]) => object;
    const Deaf = class extends Real {
      constructor(tell: (...told: unknown[]) => void, ...more: unknown[]) {
        super((...told: unknown[]) => (isHidden ? undefined : tell(...told)), ...more);
      }
    };
    Object.assign(globalThis, { [name]: Deaf });
  }
}

describe("the place where one reads", () => {
  it("14 sticks to the end also in a tab that is hidden", async () => {
    const page = await open({ story: "long" });
    await page.addInitScript(canHide);
    await page.reload();
    await page.locator(".message").last().waitFor();
    await eventually(() => distance(page), 0);
    await inWorld(page, "hide(true)");
    for (const text of ["while", "nobody", "looks"]) {
      await inWorld(
        page,
        `ferry.app.openRoom(ferry.ROOM.long).timeline.arrive(ferry.say(ferry.BOB, Date.now(), "${text}"))`,
      );
    }
    await page.locator(".message", { hasText: "looks" }).waitFor({ state: "attached" });
    expect(await distance(page)).toBe(0);
    await inWorld(page, "hide(false)");
    await frames(page);
    expect(await distance(page)).toBe(0);
    expect(await page.locator(".to-end").count()).toBe(0);
  });

  it("15 moves nothing when other letters come, and stays at the end if it was there", async () => {
    const page = await open({ story: "long" });
    await eventually(() => distance(page), 0);
    const letters = (font: string) =>
      log(page).evaluate((e, wanted) => {
        (e as HTMLElement).style.font = wanted;
      }, font);
    await letters("18px/1.7 monospace");
    await frames(page);
    expect(await distance(page)).toBe(0);

    await log(page).evaluate((e) => e.scrollBy({ top: -1_500 }));
    await frames(page);
    const anchor = await log(page).evaluate((e) => {
      const top = e.getBoundingClientRect().top;
      const rows = [...e.querySelectorAll<HTMLElement>(".message")];
      const row = rows.find((one) => one.getBoundingClientRect().bottom > top);
      return { key: row?.dataset["key"] ?? "", top: row?.getBoundingClientRect().top ?? Number.NaN };
    });
    const height = await log(page).evaluate((e) => e.scrollHeight);
    await letters("14px/1.2 serif");
    await frames(page);
    expect(await log(page).evaluate((e) => e.scrollHeight)).not.toBe(height);
    const top = await log(page).evaluate((e, key) => {
      const rows = [...e.querySelectorAll<HTMLElement>(".message")];
      return rows.find(({ dataset }) => dataset["key"] === key)?.getBoundingClientRect().top ?? Number.NaN;
    }, anchor.key);
    expect(Math.abs(top - anchor.top)).toBeLessThanOrEqual(1);
  });

  it("16 has a row that says where what is here begins, and asks for nothing before it", async () => {
    const page = await open({ story: "long" });
    const beginning = page.locator('.timeline [data-key="beginning"]');
    expect(await beginning.count()).toBe(0);
    const loads = () => inWorld<number>(page, "ferry.app.openRoom(ferry.ROOM.long).timeline.loads");
    await eventually(async () => {
      await scrollTo(page, 0);
      return beginning.count();
    }, 1);
    expect(await beginning.textContent()).toBe("Older messages are not on this device");
    expect(await page.locator(".timeline [data-key]").first().getAttribute("data-key")).toBe("beginning");
    const before = await loads();
    for (let step = 0; step < 3; step += 1) {
      await scrollTo(page, 400);
      await scrollTo(page, 0);
    }
    expect(await loads()).toBe(before);
    expect(await beginning.count()).toBe(1);
  });

  it("18 shows what has not come of whom in its place, until it has come", async () => {
    const page = await open({ story: "room" });
    const gap = page.locator(".timeline .gap");
    const text = (await gap.textContent())?.replace(/[\u2066-\u2069]/g, "");
    const timeline = "ferry.app.openRoom(ferry.ROOM.trip).timeline";
    const who = await inWorld<string>(
      page,
      `${timeline}.said.value.find(({ key }) => key === ${timeline}.gapBefore).author.name`,
    );
    expect(text).toContain("2 messages of");
    expect(text).toContain(who);
    const next = await gap.evaluate((e) => (e.nextElementSibling as HTMLElement | null)?.dataset["key"]);
    expect(next).toBe(await inWorld(page, `${timeline}.gapBefore`));
    await inWorld(
      page,
      `${timeline}.gapBefore = undefined; ${timeline}.arrive(ferry.say(ferry.BOB, Date.now(), "all here"))`,
    );
    await page.locator(".message", { hasText: "all here" }).waitFor();
    expect(await gap.count()).toBe(0);
  });
});

describe("what is read", () => {
  /** The keys that the page has told as in view. */
  const told = async (page: Page) => (await calls(page, "room.inView")).at(-1)?.[0] as string[];

  it("25 tells a message when half of it is in view, and no more when less is", async () => {
    const page = await open({ story: "long" });
    await log(page).evaluate((e) => e.scrollBy({ top: -1_500 }));
    await frames(page);
    const row = await log(page).evaluate((e) => {
      const end = e.getBoundingClientRect().bottom;
      const rows = [...e.querySelectorAll<HTMLElement>(".message")];
      const one = rows.find((each) => each.getBoundingClientRect().top >= end);
      const box = one?.getBoundingClientRect();
      return { key: one?.dataset["key"] ?? "", under: (box?.top ?? 0) - end, height: box?.height ?? 0 };
    });
    const start = await log(page).evaluate((e) => e.scrollTop);
    const show = (part: number) => scrollTo(page, Math.round(start + row.under + row.height * part));
    expect(await told(page)).not.toContain(row.key);
    await show(0.3);
    expect(await told(page)).not.toContain(row.key);
    await show(0.7);
    await eventually(async () => (await told(page)).includes(row.key), true);
    await show(0.3);
    await eventually(async () => (await told(page)).includes(row.key), false);
  });

  it("27 marks the room as read with Escape, and not while that key cancels something else", async () => {
    const page = await open({ story: "room" });
    const field = page.getByRole("textbox", { name: "Message", exact: true });
    await field.focus();
    await page.keyboard.press("ArrowUp");
    await page.keyboard.press("Escape");
    expect(await calls(page, "room.markRead")).toEqual([]);
    await page.keyboard.press("Escape");
    await eventually(async () => (await calls(page, "room.markRead")).length, 1);
    // From a message, the key goes to the field first.
    await page.locator('.message[tabindex="0"]').focus();
    await page.keyboard.press("Escape");
    await eventually(() => page.evaluate(() => document.activeElement?.tagName), "TEXTAREA");
    expect(await calls(page, "room.markRead")).toHaveLength(1);
    await page.keyboard.press("Escape");
    await eventually(async () => (await calls(page, "room.markRead")).length, 2);
  });

  it("26 says in the title what is unread, and no more once it is read elsewhere", async () => {
    const page = await open({ story: "home" });
    const total = await inWorld<number>(page, "ferry.app.rooms.total.value.messages");
    expect(total).toBeGreaterThan(0);
    await eventually(() => page.title(), `(${total}) Ferry`);
    await inWorld(
      page,
      "ferry.app.list.value = ferry.app.list.value.map((row) => ({ ...row, unread: 0, mentions: 0 }))",
    );
    await eventually(() => page.title(), "Ferry");
    await eventually(() => page.locator(".room-row .badge").count(), 0);
  });
});
