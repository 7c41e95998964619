import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import { calls, eventually, inWorld, open, useBrowser } from "./browser.ts";

useBrowser();

const log = (page: Page) => page.locator(".timeline");
const distance = (page: Page) =>
  log(page).evaluate((e) => Math.round(e.scrollHeight - e.scrollTop - e.clientHeight));
const arrive = (page: Page, room: string, text: string) =>
  inWorld(
    page,
    `ferry.app.openRoom(ferry.ROOM.${room}).timeline.arrive(ferry.say(ferry.BOB, Date.now(), ${JSON.stringify(text)}))`,
  );

/** The first row that is whole in view, and where it is. */
const anchor = (page: Page) =>
  log(page).evaluate((e) => {
    const top = e.getBoundingClientRect().top;
    const rows = [...e.querySelectorAll<HTMLElement>(".message")];
    const row = rows.find((one) => one.getBoundingClientRect().top >= top);
    return { key: row?.dataset["key"] ?? "", top: row?.getBoundingClientRect().top ?? 0 };
  });
const topOf = (page: Page, key: string) =>
  log(page).evaluate((e, wanted) => {
    const rows = [...e.querySelectorAll<HTMLElement>(".message")];
    return rows.find((one) => one.dataset["key"] === wanted)?.getBoundingClientRect().top ?? Number.NaN;
  }, key);

async function scrollBy(page: Page, pixels: number): Promise<void> {
  await log(page).evaluate(
    (e, by) =>
      new Promise<void>((resolve) => {
        e.addEventListener("scroll", () => resolve(), { once: true });
        e.scrollTop += by;
      }),
    pixels,
  );
}

describe("the timeline", () => {
  it("13 opens at the first unread message with its divider", async () => {
    const page = await open({ story: "room" });
    const divider = page.locator(".divider");
    expect(await divider.textContent()).toBe("3 new");
    const [box, frame] = await Promise.all([divider.boundingBox(), log(page).boundingBox()]);
    expect(box?.y).toBeGreaterThan(frame?.y ?? 0);
    expect(box?.y).toBeLessThan((frame?.y ?? 0) + (frame?.height ?? 0));
  });

  it("13 opens at the end where nothing is unread", async () => {
    const page = await open({ story: "direct" });
    await eventually(() => distance(page), 0);
    expect(await page.locator(".divider").count()).toBe(0);
  });

  it("14 sticks to the end, and elsewhere counts what comes", async () => {
    const page = await open({ story: "long" });
    await eventually(() => distance(page), 0);
    await arrive(page, "long", "one more");
    await page.locator(".message", { hasText: "one more" }).waitFor();
    await eventually(() => distance(page), 0);

    await scrollBy(page, -1_500);
    const before = await anchor(page);
    await arrive(page, "long", "two more");
    await arrive(page, "long", "three more");
    await eventually(() => page.locator(".to-end").textContent(), "2 new");
    expect(Math.abs((await topOf(page, before.key)) - before.top)).toBeLessThanOrEqual(1);
    await page.locator(".to-end").click();
    await eventually(() => distance(page), 0);
    await eventually(() => page.locator(".to-end").count(), 0);
  });

  it("15 moves nothing when older rows come, when the window changes, and when a row grows", async () => {
    const page = await open({ story: "long" });
    for (let step = 0; step < 12; step += 1) {
      await scrollBy(page, -700);
      const before = await anchor(page);
      await page.evaluate(
        () => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))),
      );
      expect(Math.abs((await topOf(page, before.key)) - before.top)).toBeLessThanOrEqual(1);
    }
    expect(await page.locator(".timeline [data-key]").count()).toBeLessThanOrEqual(330);

    const before = await anchor(page);
    // Each change is drawn before the next, and the first row that is whole stays the first.
    for (const width of [1_000, 1_440, 900, 1_440, 1_000, 1_440]) {
      await page.setViewportSize({ width, height: width === 1_440 ? 900 : 500 });
    }
    await page.evaluate(
      () => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))),
    );
    expect(Math.abs((await topOf(page, before.key)) - before.top)).toBeLessThanOrEqual(1);

    const kept = await anchor(page);
    await log(page).evaluate((e) => {
      (e.querySelector(".message .bubble") as HTMLElement).style.minHeight = "700px";
    });
    await page.evaluate(
      () => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))),
    );
    expect(Math.abs((await topOf(page, kept.key)) - kept.top)).toBeLessThanOrEqual(1);
  });

  it("15 moves nothing when older rows of the day at the top come", async () => {
    const page = await open({ story: "long" });
    const moves = await log(page).evaluate(async (e) => {
      const frames = () =>
        new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
      const found: number[] = [];
      for (let step = 0; step < 4; step += 1) {
        // The line of the day is the first row in view, and more of that day is to come.
        e.scrollTop = 0;
        const row = e.querySelector<HTMLElement>(".message");
        const top = row?.getBoundingClientRect().top ?? Number.NaN;
        await frames();
        found.push(Math.abs((row?.getBoundingClientRect().top ?? Number.NaN) - top));
      }
      return found;
    });
    expect(Math.max(...moves)).toBeLessThanOrEqual(1);
  });

  it("10 jumps to what a quote answers, and says so if it is not here", async () => {
    const page = await open({ story: "room" });
    await page.locator(".quote").first().click();
    await page.locator(".message.lit", { hasText: "I looked at the boats" }).waitFor();
    const strange = await open({ story: "strange" });
    expect(await strange.locator(".quote").last().textContent()).toBe("That message is not on this device");
  });

  it("17 warns of a clock that is off", async () => {
    const page = await open({ story: "full" });
    expect(await page.locator(".strip").allTextContents()).toContain(
      "The clock of this device is off by \u20683 hours\u2069. Set it, so that times are right.",
    );
  });

  it("21 says that a forward only claims its author", async () => {
    const page = await open({ story: "strange" });
    expect(await page.locator(".forwarded").textContent()).toMatch(/claims to be from .*Ann Okafor/);
  });

  it("22 shows a row for a kind that it does not know", async () => {
    const page = await open({ story: "strange" });
    await page.getByText(/This version cannot show this/).waitFor();
  });

  it("23 shows each person's devices, what expired, and what was read", async () => {
    const page = await open({ story: "receipts" });
    const people = page.locator(".side-pane .item");
    await eventually(() => people.count(), 5);
    const texts = await people.allTextContents();
    expect(texts[0]).toContain("Read, ");
    expect(texts[1]).toContain("On 1 of 2 devices");
    expect(texts[2]).toContain("On no device yet");
    expect(texts[3]).toContain("No device logged in");
    expect(texts[4]).toContain("Lost: the device was logged out");
  });

  it("24 copies name, time and text across messages", async () => {
    const page = await open({ story: "direct" });
    const copied = await log(page).evaluate((e) => {
      const bodies = [...e.querySelectorAll(".body")];
      const [first, last] = [bodies.at(-3), bodies.at(-1)];
      if (first === undefined || last === undefined) {
        return "";
      }
      getSelection()?.setBaseAndExtent(first, 0, last, last.childNodes.length);
      const event = new ClipboardEvent("copy", {
        bubbles: true,
        clipboardData: new DataTransfer(),
        cancelable: true,
      });
      first.dispatchEvent(event);
      return event.clipboardData?.getData("text/plain") ?? "";
    });
    expect(copied).toMatch(/^Bob Larsen, .*\d\d:\d\d:\nLunch today\?/);
    expect(copied).toContain("Mira Holm, ");
    expect(copied).toContain("\nYes. Half past twelve?");
  });

  it("29 shows mentions apart from what is unread, also in a muted room", async () => {
    const page = await open({ story: "home" });
    const row = page.locator(".room-row", { hasText: "Island weekend" });
    expect(await row.locator(".badge").allTextContents()).toEqual([
      "@11 mention of you",
      "33 unread messages",
    ]);
    await inWorld(page, "ferry.app.list.value = ferry.app.list.value.map((r) => ({ ...r, isMuted: true }))");
    await row.locator(".badge.call").waitFor();
    await row.locator(".badge.muted").waitFor();
  });

  it("39 is a log that says nothing by itself, with one focus that moves", async () => {
    const page = await open({ story: "room" });
    expect(await log(page).getAttribute("role")).toBe("log");
    expect(await log(page).getAttribute("aria-live")).toBe("off");
    expect(await page.locator('.message[tabindex="0"]').count()).toBe(1);
    await page.locator('.message[tabindex="0"]').focus();
    const focused = () => page.evaluate(() => document.activeElement?.getAttribute("aria-label"));
    expect(await focused()).toContain("Bob Larsen");
    await page.keyboard.press("ArrowUp");
    await eventually(async () => (await focused())?.includes("café"), true);
    await page.keyboard.press("End");
    await eventually(async () => (await focused())?.includes("Pier 3"), true);
    expect(await page.locator('.message[tabindex="0"]').count()).toBe(1);
    expect(await page.locator("[aria-live=polite]").count()).toBe(1);
    await inWorld(page, "ferry.app.announcement.value = 'Bob: hello'");
    await eventually(() => page.locator("[data-announcer]").textContent(), "Bob: hello");
  });

  it("39 opens the menu of a message with Enter, and gives the focus back", async () => {
    const page = await open({ story: "room" });
    const row = page.locator('.message[tabindex="0"]');
    await row.focus();
    await page.keyboard.press("Enter");
    await page.getByRole("menuitem", { name: "Copy the text" }).waitFor();
    await page.keyboard.press("Escape");
    await eventually(() => page.locator(".menu").count(), 0);
    await eventually(
      () => page.evaluate(() => document.activeElement?.className.includes("message") ?? false),
      true,
    );
  });

  it("37 reaches what a message answers, its whole text, and the composer by keys alone", async () => {
    const page = await open({ story: "room" });
    const row = page.locator(".message.mine", { hasText: "The early one, then" });
    await row.focus();
    await page.keyboard.press("Enter");
    await page.getByRole("menuitem", { name: "Go to the message that this answers" }).click();
    await page.locator(".message.lit", { hasText: "I looked at the boats" }).waitFor();
    await page.locator('.message[tabindex="0"]').focus();
    await page.keyboard.press("Escape");
    await eventually(() => page.evaluate(() => document.activeElement?.tagName), "TEXTAREA");
    const strange = await open({ story: "strange" });
    expect(await strange.locator(".more-text").first().getAttribute("tabindex")).toBeNull();
  });

  it("40 reacts with a click, and takes it back with another", async () => {
    const page = await open({ story: "room" });
    const laugh = page.locator(".reaction", { hasText: "😂" });
    await laugh.click();
    await eventually(() => laugh.getAttribute("aria-pressed"), "true");
    await laugh.click();
    await eventually(() => laugh.getAttribute("aria-pressed"), "false");
    expect(await calls(page, "room.react")).toHaveLength(2);
  });

  it("42 opens the menu by a long press, and offers to select the text", async () => {
    const page = await open({ story: "room", size: "phone" });
    const bubble = page.locator(".bubble", { hasText: "Pier 3" });
    await bubble.dispatchEvent("pointerdown", {
      pointerType: "touch",
      clientX: 120,
      clientY: 600,
      bubbles: true,
    });
    await page.getByRole("menuitem", { name: "Select text" }).click();
    const text = page.locator(".dialog .body");
    await text.waitFor();
    expect(await text.evaluate((e) => getComputedStyle(e).userSelect)).not.toBe("none");
  });

  it("43 writes bodies in their own direction, and isolates names", async () => {
    const page = await open({ story: "rtl", more: "&dir=rtl" });
    const bodies = page.locator(".body");
    expect(await bodies.first().getAttribute("dir")).toBe("auto");
    expect(await page.locator(".head h1 bdi").count()).toBe(1);
    const [list, main] = await Promise.all([
      page.locator(".list-pane").boundingBox(),
      page.locator(".main-pane").boundingBox(),
    ]);
    expect(list?.x).toBeGreaterThan(main?.x ?? 0);
  });
});
