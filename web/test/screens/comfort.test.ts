import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import { eventually, inWorld, open, useBrowser } from "./browser.ts";

useBrowser();

const PLACES = [
  "home",
  "hidden-rooms",
  "room",
  "trouble",
  "strange",
  "details",
  "people",
  "requests",
  "new",
  "channels",
  "invitations",
  "notices",
  "search",
  "account",
  "privacy",
  "devices",
  "history-ios",
  "holes",
  "language",
  "offline",
  "full",
  "login",
  "login-devices",
  "logged-out",
  "first-steps",
];

/** What can be pressed and is smaller than a finger or a pointer needs. */
async function smallTargets(page: Page, least: number): Promise<string[]> {
  return page.evaluate((wanted) => {
    const all = document.querySelectorAll<HTMLElement>(
      "a[href], button, input, select, textarea, summary, [role=option], [role=menuitem]",
    );
    const sizeOf = (element: HTMLElement) => {
      const box = element.getBoundingClientRect();
      const around = getComputedStyle(element, "::after");
      // What is drawn may be smaller than what takes the press.
      const [width, height] = around.position === "absolute" ? [around.width, around.height] : ["0", "0"];
      return Math.min(
        Math.max(box.width, Number.parseFloat(width) || 0),
        Math.max(box.height, Number.parseFloat(height) || 0),
      );
    };
    const small: string[] = [];
    for (const element of all) {
      const box = element.getBoundingClientRect();
      const isHidden = box.width === 0 || getComputedStyle(element).visibility === "hidden";
      // A link in a sentence has the height of its line, and what waits outside is not pressed.
      const isInText = element.matches("p a, .body a, .faint a, .hint a");
      if (isHidden || isInText || element.matches(".skip")) {
        continue;
      }
      // A box is pressed by its label.
      const label = element.matches("[type=checkbox], [type=radio]") ? element.closest("label") : null;
      if (sizeOf(label ?? element) < wanted - 0.5) {
        small.push(`${Math.round(sizeOf(label ?? element))} px: ${element.outerHTML.slice(0, 90)}`);
      }
    }
    return small;
  }, least);
}

/** Fields in which iOS would zoom the page. */
async function smallLetters(page: Page): Promise<string[]> {
  return page.evaluate(() =>
    [...document.querySelectorAll<HTMLElement>("input, textarea, select")]
      .filter((element) => !element.matches("[type=checkbox], [type=radio], [type=file]"))
      .filter((element) => Number.parseFloat(getComputedStyle(element).fontSize) < 16)
      .map((element) => element.outerHTML.slice(0, 90)),
  );
}

describe("40 41 what can be pressed, and where one types", () => {
  for (const story of PLACES) {
    it(`40 has targets of 24 px, of 44 px for a finger, and 41 letters of 16 px: ${story}`, async () => {
      const phone = await open({ story, size: "phone" });
      expect(await smallTargets(phone, 44)).toEqual([]);
      expect(await smallLetters(phone)).toEqual([]);
      const desktop = await open({ story });
      expect(await smallTargets(desktop, 24)).toEqual([]);
    });
  }

  it("40 takes a press beside what is drawn of a small button", async () => {
    const page = await open({ story: "people", size: "phone" });
    const button = page.getByRole("button", { name: "Write" }).first();
    const box = await button.boundingBox();
    await page.touchscreen.tap((box?.x ?? 0) + (box?.width ?? 0) / 2, (box?.y ?? 0) - 3);
    await page.locator("textarea").waitFor();
  });
});

/** What moves on the page now, but for the light on a message to which the user has jumped. */
async function moving(page: Page): Promise<string[]> {
  return page.evaluate(() =>
    document
      .getAnimations()
      .filter(({ playState }) => playState === "running")
      .map((one) => (one as CSSAnimation).animationName ?? "a transition")
      .filter((name) => name !== "lit" && name !== "appear"),
  );
}

describe("40 with less motion", () => {
  for (const [name, wish] of Object.entries({
    "the system": async (page: Page) => {
      await page.emulateMedia({ reducedMotion: "reduce" });
      await inWorld(page, "ferry.app.settings.set({ reduceMotion: false })");
      await page.locator("html[data-motion=full]").waitFor();
    },
    "the user": async (page: Page) => {
      await page.emulateMedia({ reducedMotion: "no-preference" });
      await page.locator("html[data-motion=less]").waitFor();
    },
  })) {
    it(`40 nothing slides or bounces if ${name} wishes so`, async () => {
      const page = await open({ story: "room" });
      await wish(page);
      await page.locator(".writing-line .dots").waitFor();
      expect(await moving(page)).toEqual([]);
      await page.keyboard.press("Control+k");
      await page.getByRole("dialog").waitFor();
      expect(await moving(page)).toEqual([]);
      await page.keyboard.press("Escape");
      await page.locator(".bubble").last().click({ button: "right" });
      await page.getByRole("menu").waitFor();
      expect(await moving(page)).toEqual([]);
    });
  }

  it("40 there is motion without the wish, so the test above sees something", async () => {
    const page = await open({ story: "room" });
    await inWorld(page, "ferry.app.settings.set({ reduceMotion: false })");
    await eventually(async () => (await moving(page)).includes("wave"), true);
  });
});

describe("40 with forced colours", () => {
  /** A story, what is chosen there, and what is like it and not chosen. */
  const PAIRS: [story: string, chosen: string, other: string][] = [
    ["direct", '.room-row[aria-current="page"]', ".room-row:not([aria-current])"],
    ["people", '.tabs [aria-current="page"]', ".tabs a:not([aria-current])"],
    ["privacy", '.settings nav [aria-current="page"]', ".settings nav .action:not([aria-current])"],
    ["privacy", ".segments label:has(:checked)", ".segments label:not(:has(:checked))"],
    ["details", '.icon-button[aria-expanded="true"]', ".head .icon-button:not([aria-expanded])"],
    ["room", ".message.called .bubble", ".message:not(.called):not(.mine) .bubble"],
    ["trouble", ".message.failed .bubble", ".message.mine:not(.failed) .bubble"],
    ["notices", ".notice.new", ".notice:not(.new)"],
  ];
  for (const [story, chosen, other] of PAIRS) {
    it(`40 tells what is chosen from the rest: ${chosen} in ${story}`, async () => {
      const page = await open({ story });
      await page.emulateMedia({ forcedColors: "active" });
      const looks = await page.evaluate(
        (selectors) =>
          selectors.map((selector) => {
            const element = document.querySelector(selector);
            if (element === null) {
              return `nothing is ${selector}`;
            }
            const { outline, borderBlockEnd, borderBlockStart } = getComputedStyle(element);
            return [outline, borderBlockEnd, borderBlockStart].join(" / ");
          }),
        [chosen, other],
      );
      expect(looks.join()).not.toContain("nothing is");
      expect(looks[0]).not.toBe(looks[1]);
    });
  }

  it("40 shows the marks that are a colour alone otherwise", async () => {
    const page = await open({ story: "history" });
    await page.emulateMedia({ forcedColors: "active" });
    const canvas = "rgb(255, 255, 255)";
    for (const mark of [".counted .dot", ".avatar .presence"]) {
      const colour = await page
        .locator(mark)
        .first()
        .evaluate((e) => getComputedStyle(e).backgroundColor);
      expect(colour).not.toBe(canvas);
    }
  });
});

describe("43 the other direction, and the first colour", () => {
  for (const story of ["room", "details", "home", "settings", "people", "login", "search", "new"]) {
    it(`43 is mirrored from right to left, and nothing hangs over: ${story}`, async () => {
      for (const size of ["desktop", "phone"] as const) {
        const page = await open({ story, size, more: "&dir=rtl" });
        const wide = await page.evaluate(() =>
          [document.documentElement, ...document.querySelectorAll(".page, .scroll, .timeline, .main-pane")]
            .filter(({ scrollWidth, clientWidth }) => scrollWidth > clientWidth)
            .map(({ className }) => className),
        );
        expect(wide).toEqual([]);
        const boxes = await page.evaluate(() =>
          [".list-pane", ".main-pane"].map(
            (one) => document.querySelector(one)?.getBoundingClientRect().left,
          ),
        );
        if (size === "desktop" && story !== "login") {
          expect(boxes[0] ?? 0).toBeGreaterThan(boxes[1] ?? 0);
        }
        const flips = await page.locator(".flips").evaluateAll((all) =>
          all
            .filter((one) => one.getClientRects().length > 0)
            .map((one) => getComputedStyle(one).transform)
            .filter((one) => !one.includes("-1")),
        );
        expect(flips).toEqual([]);
      }
    });
  }

  it("43 begins in the colour of the system, before a line of the page has run", async () => {
    const page = await open({ story: "home" });
    const colour = () => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
    await page.emulateMedia({ colorScheme: "dark" });
    await inWorld(page, "ferry.app.settings.set({ theme: 'dark' })");
    await page.locator("html[data-theme=dark]").waitFor();
    const dark = await colour();
    await page.evaluate(() => document.documentElement.removeAttribute("data-theme"));
    expect(await colour()).toBe(dark);
    await page.emulateMedia({ colorScheme: "light" });
    expect(await colour()).not.toBe(dark);
  });
});
