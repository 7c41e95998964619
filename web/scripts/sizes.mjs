// Fails if the built page is larger than it may be.
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const built = join(dirname(fileURLToPath(import.meta.url)), "../build");
/**
 * In kilobytes after gzip. `installed` is what the service worker stores at first, `later` what it
 * adds once the page runs, in a browser with every language.
 */
const LIMITS = { first: 60, styles: 12, installed: 160, later: 100 };

const size = (path) => gzipSync(readFileSync(join(built, path)), { level: 9 }).length / 1000;
const page = readFileSync(join(built, "index.html"), "utf8");
const worker = readFileSync(join(built, "sw.js"), "utf8");
const named = [...page.matchAll(/(?:src|href)="\/(assets\/[^"]+)"/g)].map(([, path]) => path);
const sum = (paths) => paths.map(size).reduce((one, other) => one + other, 0);
const filesOf = (parts) =>
  parts.flatMap((part) => Object.keys(part)).map((path) => (path === "/" ? "index.html" : path.slice(1)));
const version = JSON.parse(JSON.parse(/JSON\.parse\(("(?:[^"\\]|\\.)*")\)/.exec(worker)?.[1] ?? '"{}"'));

const sizes = {
  first: sum(named.filter((path) => path.endsWith(".js"))),
  styles: sum(named.filter((path) => path.endsWith(".css"))),
  installed: sum(["sw.js", ...filesOf([version.first])]),
  later: sum(filesOf([version.later, ...Object.values(version.spoken)])),
};
let isTooLarge = named.length === 0;
for (const [what, limit] of Object.entries(LIMITS)) {
  console.log(`${what}: ${sizes[what].toFixed(1)} KB of ${limit} KB`);
  isTooLarge ||= sizes[what] > limit;
}
process.exit(isTooLarge ? 1 : 0);
