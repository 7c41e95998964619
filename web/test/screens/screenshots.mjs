// Takes pictures of the stories at two sizes in both themes, into `out`.
import { execFileSync } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const out = join(dirname(fileURLToPath(import.meta.url)), "out");
const address = process.env["FERRY_STORIES"];
const SIZES = { phone: { width: 390, height: 844 }, desktop: { width: 1440, height: 900 } };

/** Screens that an action opens. */
const ACTS = {
  menu: ["room", (page) => page.locator(".bubble").last().click({ button: "right" })],
  switcher: ["direct", (page) => page.keyboard.press("Control+k")],
  picker: ["direct", (page) => page.getByRole("button", { name: "Emoji" }).click()],
  mention: ["room", (page) => page.locator("textarea").pressSequentially("Thanks @")],
  reply: [
    "room",
    (page) =>
      page
        .locator(".tools button")
        .last()
        .evaluate((e) => e.previousElementSibling.click()),
  ],
  logout: ["settings", (page) => page.getByRole("button", { name: "Log out" }).click()],
  register: ["login", (page) => page.getByRole("button", { name: "Create an account" }).click()],
  export: ["history", (page) => page.getByRole("button", { name: "Export a backup" }).click()],
  "search-hits": ["search", (page) => page.getByRole("searchbox", { name: "Words in messages" }).fill("the")],
  "devices-full": [
    "login-devices",
    async (page) => {
      await page.getByLabel("Password", { exact: true }).fill("x");
      await page.getByRole("button", { name: "Log in" }).click();
    },
  ],
};

/** The pictures of the documents: a screen, its size and its theme. */
const PICTURES = [
  ["web-room", "room", "desktop", "light"],
  ["web-details", "details", "desktop", "dark"],
  ["web-history", "holes", "desktop", "light"],
  ["web-phone-list", "home", "phone", "light"],
  ["web-phone-room", "room", "phone", "dark"],
  ["web-phone-menu", "menu", "phone", "light"],
];

/** Without these fonts, emoji and Chinese names are boxes. */
const FONTS = { "Noto Color Emoji": "fonts-noto-color-emoji", "Noto Sans CJK SC": "fonts-noto-cjk" };

/** Returns the packages of the fonts that this machine does not have. */
function missingFonts() {
  const known = execFileSync("fc-list", [":", "family"], { encoding: "utf8" });
  return Object.entries(FONTS).flatMap(([font, name]) => (known.includes(font) ? [] : [name]));
}

const missing = missingFonts();
if (missing.length > 0) {
  console.error(`Fonts are missing. Run: apt-get install --no-install-recommends ${missing.join(" ")}`);
  process.exit(1);
}
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });

async function contextOf(size, viewport) {
  return browser.newContext({
    viewport,
    hasTouch: size === "phone",
    isMobile: size === "phone",
    locale: "en-GB",
    timezoneId: "UTC",
  });
}

async function take(context, asked, theme, path) {
  const [name, ...more] = asked.split("&");
  const [story, act] = ACTS[name] ?? [name, undefined];
  const page = await context.newPage();
  await page.clock.setFixedTime(new Date("2026-11-24T10:24:00"));
  page.on("pageerror", (error) => console.error(story, error.message));
  page.on("console", (message) => message.type() === "error" && console.error(story, message.text()));
  await page.goto(`${address}?still&theme=${theme}&story=${[story, ...more].join("&")}`);
  await page.locator("#app *").first().waitFor({ state: "attached" });
  // The lazy parts and the fonts.
  await page.waitForLoadState("networkidle");
  await act?.(page);
  await page.waitForLoadState("networkidle");
  // What the action opened is drawn in the next frames.
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => setTimeout(done, 200))));
  await page.screenshot({ path });
  await page.close();
}

async function storyNames() {
  const page = await browser.newPage();
  await page.goto(address);
  const stories = await page.evaluate(() => globalThis.ferry.stories);
  await page.close();
  return [...stories, ...Object.keys(ACTS)];
}

const words = process.argv.slice(2);
if (words[0] === "--pictures") {
  const folder = join(out, "../../../../docs/pictures");
  await mkdir(folder, { recursive: true });
  for (const [file, story, size, theme] of PICTURES) {
    const context = await contextOf(size, size === "phone" ? SIZES.phone : { width: 1120, height: 660 });
    await take(context, story, theme, join(folder, `${file}.png`));
    await context.close();
  }
} else {
  await mkdir(out, { recursive: true });
  const wanted = words.length > 0 ? words : await storyNames();
  for (const [size, viewport] of Object.entries(SIZES)) {
    const context = await contextOf(size, viewport);
    for (const theme of ["light", "dark"]) {
      for (const asked of wanted) {
        await take(context, asked, theme, join(out, `${asked.split("&")[0]}-${size}-${theme}.png`));
      }
    }
    await context.close();
  }
}
await browser.close();
