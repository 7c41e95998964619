/**
 * Writes the types of the protocol from docs/openapi.json and docs/asyncapi.json.
 * With `--check` it writes nothing, and fails if a file is not what it would write.
 */
import { readFileSync, writeFileSync } from "node:fs";
import openapiTS, { astToString } from "openapi-typescript";

const docs = new URL("../../docs/", import.meta.url);
const wire = new URL("../src/wire/", import.meta.url);

/** Returns the schemas of AsyncAPI as a document of OpenAPI: both are JSON Schema. */
function wrapped(asyncapi) {
  const { schemas } = asyncapi.components;
  return { openapi: "3.1.0", info: asyncapi.info, paths: {}, components: { schemas } };
}

function read(name) {
  return JSON.parse(readFileSync(new URL(name, docs), "utf8"));
}

const files = [
  { from: "openapi.json", to: "http-types.generated.ts", document: read("openapi.json") },
  { from: "asyncapi.json", to: "frame-types.generated.ts", document: wrapped(read("asyncapi.json")) },
];

let stale = 0;
for (const { from, to, document } of files) {
  const head = `// Made from docs/${from} by scripts/wire-types.mjs. Do not edit it.\n\n`;
  const text = head + astToString(await openapiTS(document));
  const path = new URL(to, wire);
  if (!process.argv.includes("--check")) {
    writeFileSync(path, text);
    continue;
  }
  let held = "";
  try {
    held = readFileSync(path, "utf8");
  } catch {
    // A missing file is a stale one.
  }
  if (held !== text) {
    console.error(`src/wire/${to} does not follow docs/${from}: run \`npm run types\``);
    stale += 1;
  }
}
process.exitCode = stale === 0 ? 0 : 1;
