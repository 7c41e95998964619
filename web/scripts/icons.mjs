// Draws the icons anew, from their SVG: `node scripts/icons.mjs`. It needs Chromium.
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const web = join(dirname(fileURLToPath(import.meta.url)), "..");
const ICONS = [
  ["public/icons/icon.svg", 192, "icon-192"],
  ["public/icons/icon.svg", 512, "icon-512"],
  // Android cuts a shape out of this one.
  ["icons/maskable.svg", 512, "maskable-512"],
  ["icons/apple-touch.svg", 180, "apple-touch"],
  // Android shows only the shape of this one, beside the clock.
  ["icons/note.svg", 96, "note"],
];

const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });
for (const [source, size, name] of ICONS) {
  const page = await browser.newPage({ viewport: { width: size, height: size } });
  const svg = readFileSync(join(web, source), "utf8");
  await page.setContent(
    `<style>body{margin:0}svg{display:block;width:${size}px;height:${size}px}</style>${svg}`,
  );
  const picture = await page.screenshot({ omitBackground: true });
  writeFileSync(join(web, `public/icons/${name}.png`), picture);
  await page.close();
}
await browser.close();
