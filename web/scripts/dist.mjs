/**
 * Makes of the page that Vite has built what a relay is compiled with: each file compressed twice,
 * the table of them in Rust, and the name of the version, which the next build looks at. `--check` writes nothing, and fails if `dist` is another page than
 * the one that was built. It compares what is inside, because versions of Node compress differently.
 */
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, brotliDecompressSync, constants, gunzipSync, gzipSync } from "node:zlib";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const built = join(root, "build");
const dist = join(root, "dist");

/** Every kind of file that the page may have. */
const MEDIA_TYPES = {
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
  json: "application/json",
  webmanifest: "application/manifest+json",
  svg: "image/svg+xml",
  png: "image/png",
  woff2: "font/woff2",
};

function filesOf(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .sort();
}

function mediaType(name) {
  const type = MEDIA_TYPES[name.split(".").pop()];
  if (type === undefined) {
    throw new Error(`${name}: the table has no media type for this file`);
  }
  return type;
}

function table(files) {
  const rows = files.map(({ name, content }) => {
    const path = name === "index.html" ? "/" : `/${name}`;
    const hash = createHash("sha256").update(content).digest("hex").slice(0, 16);
    return { path, name, hash, isImmutable: path.startsWith("/assets/") };
  });
  rows.sort((one, other) => (one.path < other.path ? -1 : 1));
  const lines = rows.map(({ path, name, hash, isImmutable }) =>
    [
      "    File {",
      `        path: "${path}",`,
      `        media_type: "${mediaType(name)}",`,
      `        is_immutable: ${isImmutable},`,
      `        etag: "W/\\"${hash}\\"",`,
      `        gzip: include_bytes!("${name}.gz"),`,
      `        brotli: include_bytes!("${name}.br"),`,
      "    },",
    ].join("\n"),
  );
  return `// Written by web/scripts/dist.mjs.\n&[\n${lines.join("\n")}\n]\n`;
}

const files = filesOf(built).map((name) => ({ name, content: readFileSync(join(built, name)) }));

/** The time in it is that of the first build of this page. */
function versionName() {
  const page = files.find(({ name }) => name === "index.html")?.content.toString();
  const name = /name="ferry-version" content="(\d{10}-[0-9a-f]{16})"/.exec(page ?? "")?.[1];
  if (name === undefined) {
    throw new Error("index.html has no version");
  }
  return `${name}\n`;
}

const texts = { "files.rs": table(files), "version.txt": versionName() };

if (process.argv.includes("--check")) {
  const wrong = [];
  const expected = [
    ...Object.keys(texts),
    ...files.flatMap(({ name }) => [`${name}.br`, `${name}.gz`]),
  ].sort();
  const found = filesOf(dist);
  wrong.push(...expected.filter((name) => !found.includes(name)).map((name) => `${name} is missing`));
  wrong.push(...found.filter((name) => !expected.includes(name)).map((name) => `${name} is too much`));
  for (const { name, content } of files) {
    for (const [suffix, unpack] of [
      ["br", brotliDecompressSync],
      ["gz", gunzipSync],
    ]) {
      const file = `${name}.${suffix}`;
      if (found.includes(file) && !unpack(readFileSync(join(dist, file))).equals(content)) {
        wrong.push(`${file} is another file`);
      }
    }
  }
  for (const [name, text] of Object.entries(texts)) {
    if (found.includes(name) && readFileSync(join(dist, name), "utf8") !== text) {
      wrong.push(`${name} is another one`);
    }
  }
  if (wrong.length > 0) {
    console.error(`web/dist is not what the sources make (npm run dist):\n${wrong.join("\n")}`);
    process.exit(1);
  }
} else {
  rmSync(dist, { recursive: true, force: true });
  for (const { name, content } of files) {
    mkdirSync(dirname(join(dist, name)), { recursive: true });
    const quality = { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } };
    writeFileSync(join(dist, `${name}.br`), brotliCompressSync(content, quality));
    writeFileSync(join(dist, `${name}.gz`), gzipSync(content, { level: 9 }));
  }
  for (const [name, text] of Object.entries(texts)) {
    writeFileSync(join(dist, name), text);
  }
}
