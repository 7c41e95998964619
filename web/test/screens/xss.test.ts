import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import { markup, plainOf } from "../../src/core/markup.ts";
import { eventually, open, useBrowser } from "./browser.ts";

useBrowser();

const STRINGS: string[] = JSON.parse(readFileSync(join(import.meta.dirname, "../xss.json"), "utf8"));

/** Where names, and other texts that stand as they are, are shown. */
const NAMES = [
  ".foot .name",
  ".room-row .title bdi",
  ".author",
  ".reaction bdi",
  ".head h1 bdi",
  ".head .sub bdi",
  ".item bdi",
  ".profile bdi",
  ".description",
].join();

/** What a text may never become. */
const MADE =
  ":is(script, img, iframe, object, embed, style, link, meta, base, video, audio, template, math, frame, [onerror], [onload], [style*=url])";

interface Shown {
  names: string[];
  bodies: string[];
  foreign: string[];
  words: string;
}

/** Puts each text everywhere, one after the other, and returns what the page has made of each. */
async function show(page: Page, texts: readonly string[]): Promise<Shown[]> {
  return page.evaluate(
    async ([hostile, selector, elements]) => {
      const { ferry } = globalThis as unknown as { ferry: { hostile(text: string): void } };
      const textsOf = (wanted: string) =>
        [...document.querySelectorAll(wanted)].map((e) => e.textContent ?? "");
      const all: Shown[] = [];
      for (const text of hostile) {
        ferry.hostile(text);
        // A change of the address is told in a task of its own, and drawn after it.
        for (let frame = 0; frame < 2; frame += 1) {
          await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
        }
        for (const host of document.querySelectorAll(".body .host")) {
          host.remove();
        }
        const links = [...document.querySelectorAll<HTMLAnchorElement>("a[href]")].filter(
          ({ protocol }) => !["http:", "https:", "mailto:"].includes(protocol),
        );
        const made = document.querySelectorAll(`#app ${elements}`);
        all.push({
          names: textsOf(selector),
          bodies: textsOf(".body:not(.gone)"),
          words: document.querySelector("#main, .dialog")?.textContent ?? "",
          foreign: [...made, ...links].map((e) => e.outerHTML.slice(0, 120)),
        });
      }
      return all;
    },
    [texts, NAMES, MADE] as const,
  );
}

/** A quote and a fence are blocks, so blanks around them may go. */
const bare = (text: string) => text.replace(/\s+/g, "");

describe("xss: the texts of others", () => {
  it("has 200 strings, each another one", () => {
    expect(new Set(STRINGS).size).toBe(200);
  });

  /** How many names each screen shows at least, beside those of the list of rooms. */
  const SCREENS: Record<string, number> = {
    strange: 5,
    "strange-details": 12,
    "strange-receipts": 3,
    people: 2,
    person: 3,
    requests: 4,
    blocked: 2,
    invitations: 2,
    notices: 0,
    devices: 8,
  };
  /** Three rooms, and the user at the foot of the list. */
  const LIST = 4;
  for (const [story, own] of Object.entries(SCREENS)) {
    it(`does nothing with any of them, and shows each as it was sent: ${story}`, async () => {
      const page = await open({ story });
      const wrong: string[] = [];
      const shown = await show(page, STRINGS);
      for (const [at, text] of STRINGS.entries()) {
        const { names = [], bodies = [], foreign = ["nothing"], words = "" } = shown[at] ?? {};
        if (foreign.length > 0) {
          wrong.push(`${at} made ${foreign[0]}`);
        }
        if (names.length < LIST + own) {
          wrong.push(`${at} is in ${names.length} places`);
        }
        // A username has at most so many characters.
        const other = names.filter((name) => name !== text && name !== text.slice(0, 64));
        if (other.length > 0) {
          wrong.push(`${at} as ${JSON.stringify(other[0]?.slice(0, 60))}`);
        }
        if (story === "notices" && !words.includes(text)) {
          wrong.push(`${at} is not in the words`);
        }
        const isCut = text.length > 4_000 || text.split("\n").length > 60;
        const wanted = bare(plainOf(markup(text)));
        if (story === "strange" && !isCut && !bodies.some((body) => bare(body) === wanted)) {
          wrong.push(`${at} in a body as ${JSON.stringify(bodies[0]?.slice(0, 60))}`);
        }
      }
      expect(wrong).toEqual([]);
    });
  }

  for (const button of ["Bans", "Open invitations"]) {
    it(`does nothing with any of them in the dialog of a room: ${button}`, async () => {
      const page = await open({ story: "strange-details" });
      await page.evaluate(`ferry.hostileLists(${JSON.stringify(STRINGS)})`);
      await page.getByRole("button", { name: button, exact: true }).click();
      const rows = page.locator(".dialog .item");
      await eventually(() => rows.count(), STRINGS.length);
      const names = await rows.evaluateAll((all) =>
        all.map((row) => [...row.querySelectorAll("bdi")].map((e) => e.textContent ?? "")),
      );
      const wrong = STRINGS.flatMap((text, at) => {
        const its = names[at] ?? [];
        const other = its.filter((name) => name !== text && name !== text.slice(0, 64));
        return its.length >= 2 && other.length === 0
          ? []
          : [`${at} as ${JSON.stringify(other[0]?.slice(0, 60))} of ${its.length}`];
      });
      expect(wrong).toEqual([]);
      expect(await page.locator(`.dialog ${MADE}`).count()).toBe(0);
    });
  }
});
