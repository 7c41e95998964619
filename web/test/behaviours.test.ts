/** Every behaviour that docs/web-behaviours.md numbers has a test of its number. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";

const WEB = join(import.meta.dirname, "..");
const DOCUMENT = join(WEB, "../docs/web-behaviours.md");
const ROW = /^\| ([FJ]?\d+) \| (.+?) \| .*\|$/;
/** The title of a test or of a group. Behind `each` stands its list. */
const TITLE = /\b(?:it|describe)(?:\.each\([^;]*?\))?\(\s*(["`])(.*?)\1\s*,/g;

/** Returns the numbers of a title as `13: …, and 25: …`. After the first a blank will do. */
function numbersOf(title: string): string[] {
  const first = /^([FJ]?\d+)[: ]/.exec(title)?.[1];
  const further = [...title.matchAll(/\band ([FJ]?\d+): /g)].flatMap(([, number]) => number ?? []);
  return first === undefined ? [] : [first, ...further];
}

/** Returns the files that have a test of each number. */
function tested(): Map<string, Set<string>> {
  const files = new Map<string, Set<string>>();
  for (const folder of ["src", "test"]) {
    const names = readdirSync(join(WEB, folder), { recursive: true, encoding: "utf8" });
    for (const name of names.filter((one) => /\.test\.tsx?$/.test(one)).sort()) {
      const text = readFileSync(join(WEB, folder, name), "utf8");
      const numbers = [...text.matchAll(TITLE)].flatMap(([, , title = ""]) => numbersOf(title));
      for (const number of numbers) {
        files.set(number, (files.get(number) ?? new Set()).add(`${folder}/${name}`));
      }
    }
  }
  return files;
}

it("each behaviour, fault and journey has a test, and each number of a test is one of them", async () => {
  const files = tested();
  const document = readFileSync(DOCUMENT, "utf8");
  const promised = document.split("\n").flatMap((line) => ROW.exec(line)?.[1] ?? []);
  const wanted = [
    ...Array.from({ length: 52 }, (_, at) => `${at + 1}`),
    ...Array.from({ length: 16 }, (_, at) => `F${at + 1}`),
    ...Array.from({ length: 7 }, (_, at) => `J${at + 1}`),
  ];
  expect(promised).toEqual(wanted);
  expect({
    withoutTest: promised.filter((number) => !files.has(number)),
    withoutBehaviour: [...files.keys()].filter((number) => !promised.includes(number)),
  }).toEqual({ withoutTest: [], withoutBehaviour: [] });
  const lines = document.split("\n").map((line) => {
    const [, number = "", what] = ROW.exec(line) ?? [];
    const its = [...(files.get(number) ?? [])].map((name) => `\`${name}\``).join("<br>");
    return what === undefined ? line : `| ${number} | ${what} | ${its} |`;
  });
  await expect(lines.join("\n")).toMatchFileSnapshot(DOCUMENT);
});
