// Fails if the built page is larger than it may be.
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const built = join(dirname(fileURLToPath(import.meta.url)), "../build");
/** In kilobytes after gzip. Of all, 130 are emoji, backups and the codes of a second factor. */
const LIMITS = { first: 60, styles: 12, all: 305 };

const size = (path) => gzipSync(readFileSync(join(built, path)), { level: 9 }).length / 1000;
const page = readFileSync(join(built, "index.html"), "utf8");
const named = [...page.matchAll(/(?:src|href)="\/(assets\/[^"]+)"/g)].map(([, path]) => path);
const sum = (paths) => paths.map(size).reduce((one, other) => one + other, 0);
const everything = readdirSync(built, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => join(entry.parentPath, entry.name).slice(built.length + 1));

const sizes = {
  first: sum(named.filter((path) => path.endsWith(".js"))),
  styles: sum(named.filter((path) => path.endsWith(".css"))),
  all: sum(everything),
};
let isTooLarge = named.length === 0;
for (const [what, limit] of Object.entries(LIMITS)) {
  console.log(`${what}: ${sizes[what].toFixed(1)} KB of ${limit} KB`);
  isTooLarge ||= sizes[what] > limit;
}
process.exit(isTooLarge ? 1 : 0);
