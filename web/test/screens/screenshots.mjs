// Takes pictures of the stories at two sizes in both themes, into `out`.
import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const out = join(dirname(fileURLToPath(import.meta.url)), "out");
const address = process.env["FERRY_STORIES"];
const SIZES = { phone: { width: 390, height: 844 }, desktop: { width: 1440, height: 900 } };

const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });
await mkdir(out, { recursive: true });
const page = await browser.newPage();
await page.goto(address);
const all = await page.evaluate(() => globalThis.ferry.stories);
await page.close();
const wanted = process.argv.length > 2 ? process.argv.slice(2) : all;
for (const [size, viewport] of Object.entries(SIZES)) {
  for (const theme of ["light", "dark"]) {
    const context = await browser.newContext({
      viewport,
      hasTouch: size === "phone",
      isMobile: size === "phone",
      locale: "en-GB",
      timezoneId: "UTC",
    });
    for (const asked of wanted) {
      const [story, ...more] = asked.split("&");
      const page = await context.newPage();
      await page.clock.setFixedTime(new Date("2026-11-24T10:24:00"));
      page.on("pageerror", (error) => console.error(story, error.message));
      page.on("console", (message) => message.type() === "error" && console.error(story, message.text()));
      await page.goto(`${address}?still&theme=${theme}&story=${[story, ...more].join("&")}`);
      await page.waitForFunction(() => document.querySelector("#app *") !== null);
      // The lazy parts and the fonts.
      await page.waitForLoadState("networkidle");
      await page.screenshot({ path: join(out, `${story}-${size}-${theme}.png`) });
      await page.close();
    }
    await context.close();
  }
}
await browser.close();
