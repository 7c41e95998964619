import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import { markup, plainOf } from "../../src/core/markup.ts";
import { open, useBrowser } from "./browser.ts";

useBrowser();

const STRINGS: string[] = JSON.parse(readFileSync(join(import.meta.dirname, "../xss.json"), "utf8"));

/** Puts a text everywhere, and returns what the page has made of it. */
async function show(
  page: Page,
  text: string,
): Promise<{ names: string[]; bodies: string[]; foreign: string[] }> {
  return page.evaluate(async (hostile) => {
    (globalThis as unknown as { ferry: { hostile(text: string): void } }).ferry.hostile(hostile);
    await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
    const texts = (selector: string) =>
      [...document.querySelectorAll(selector)].map((e) => e.textContent ?? "");
    for (const host of document.querySelectorAll(".body .host")) {
      host.remove();
    }
    const links = [...document.querySelectorAll<HTMLAnchorElement>("a[href]")].filter(
      ({ protocol }) => !["http:", "https:", "mailto:"].includes(protocol),
    );
    const made = document.querySelectorAll(
      "#app :is(script, img, iframe, object, embed, style, link, meta, base, video, audio, template, math, frame, [onerror], [onload], [style*=url])",
    );
    return {
      names: texts("bdi.name, .room-row .title bdi, .author, .reaction bdi, .head h1 bdi"),
      bodies: texts(".body:not(.gone)"),
      foreign: [...made, ...links].map((e) => e.outerHTML.slice(0, 120)),
    };
  }, text);
}

/** A quote and a fence are blocks, so blanks around them may go. */
const bare = (text: string) => text.replace(/\s+/g, "");

describe("xss: the texts of others", () => {
  it("has 200 strings, each another one", () => {
    expect(new Set(STRINGS).size).toBe(200);
  });

  for (const story of [
    "strange",
    "details",
    "people",
    "requests",
    "blocked",
    "invitations",
    "notices",
    "devices",
  ]) {
    it(`does nothing with any of them, and shows each as it was sent: ${story}`, async () => {
      const page = await open({ story });
      const wrong: string[] = [];
      let shown = 0;
      for (const [at, text] of STRINGS.entries()) {
        const { names, bodies, foreign } = await show(page, text);
        shown += names.length;
        if (foreign.length > 0) {
          wrong.push(`${at} made ${foreign[0]}`);
        }
        const other = names.filter(
          (name) => name !== text && !["Mira Holm", "Island weekend", "😂", "🍰"].includes(name),
        );
        if (story !== "details" && other.length > 0) {
          wrong.push(`${at} as ${JSON.stringify(other[0]?.slice(0, 60))}`);
        }
        const isCut = text.length > 4_000 || text.split("\n").length > 60;
        const wanted = bare(plainOf(markup(text)));
        if (story === "strange" && !isCut && !bodies.some((body) => bare(body) === wanted)) {
          wrong.push(`${at} in a body as ${JSON.stringify(bodies[0]?.slice(0, 60))}`);
        }
      }
      expect(wrong).toEqual([]);
      expect(shown).toBeGreaterThan(STRINGS.length);
    });
  }
});
