/** How a build names its version, and says when each file is stored. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { type Part, type PartOf, partsOf, writeVersion } from "../scripts/offline.ts";

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) {
    rmSync(folder, { recursive: true });
  }
});

const NOW = 1_796_000_000_000;
const PARTS: PartOf = new Map<string, Part>([
  ["assets/backup.js", "later"],
  ["assets/words.js", { language: "ru" }],
  ["assets/qr.js", "asked"],
  ["icons/large.png", "none"],
]);

/** Builds a page, and returns the version that its service worker has. */
function built(text: string, known: string | undefined, now: number) {
  const folder = mkdtempSync(join(tmpdir(), "ferry-web-version-"));
  folders.push(folder);
  const files = {
    "index.html": '<meta name="ferry-version" content="__FERRY_VERSION__">',
    "sw.js": 'const version=JSON.parse("__FERRY_VERSION__");',
    "assets/main.js": text,
    ...Object.fromEntries([...PARTS.keys()].map((path) => [path, path])),
  };
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
  }
  writeVersion(folder, PARTS, known, now);
  const worker = readFileSync(join(folder, "sw.js"), "utf8");
  const version = JSON.parse(JSON.parse(worker.slice("const version=JSON.parse(".length, -2)));
  const page = readFileSync(join(folder, "index.html"), "utf8");
  expect(page).toContain(`content="${version.name}"`);
  return version;
}

describe("the version of a build", () => {
  it("has each file in its part, and the page in the first one", () => {
    const { first, later, spoken, asked } = built("one", undefined, NOW);
    expect(Object.keys(first)).toEqual(["/assets/main.js", "/"]);
    expect([later, spoken.ru, asked].map((files) => Object.keys(files))).toEqual([
      ["/assets/backup.js"],
      ["/assets/words.js"],
      ["/assets/qr.js"],
    ]);
  });

  it("keeps its name if the page is the same, whenever it is built", () => {
    const { name } = built("one", undefined, NOW);
    expect(name).toMatch(/^1796000000-[0-9a-f]{16}$/);
    expect(built("one", `${name}\n`, NOW + 86_400_000).name).toBe(name);
  });

  it("sorts after the one before, also if the clock is behind", () => {
    const { name } = built("one", undefined, NOW);
    for (const now of [NOW, NOW + 5_000, NOW - 86_400_000]) {
      expect(built("two", name, now).name > name).toBe(true);
    }
  });

  it("sorts after both sides of a merge", () => {
    const ours = built("ours", undefined, NOW).name;
    const theirs = built("theirs", undefined, NOW + 60_000).name;
    const conflict = `<<<<<<< HEAD\n${ours}\n=======\n${theirs}\n>>>>>>> theirs\n`;
    const merged = built("both", conflict, NOW).name;
    expect([ours, theirs, merged].sort()).toEqual([ours, theirs, merged]);
    // Neither side's time is that of a merge that gives the page of one of them.
    expect(built("ours", conflict, NOW).name > theirs).toBe(true);
  });

  it("fails if a file that is stored later has another name now", () => {
    const chunks = [{ fileName: "assets/x.js", module: "/web/src/main.tsx" }];
    expect(() => partsOf(chunks)).toThrow("and no file of the page begins with it");
  });
});
