// Leaves out of the backups what no backup of Ferry uses: age can lock a file with keys against
// quantum computers and with hardware keys, and their mathematics is most of its code.
import type { Plugin } from "vite";

/** Modules that age imports for such keys, with the names that it takes. */
const UNUSED: Record<string, string[]> = {
  "@noble/post-quantum/hybrid.js": ["MLKEM768P256", "MLKEM768X25519"],
  "@noble/curves/nist.js": ["p256"],
};
const EMPTY = "\0ferry-no-age:";

export function age(): Plugin {
  return {
    name: "ferry-age",
    enforce: "pre",
    resolveId: (id, importer) =>
      Object.hasOwn(UNUSED, id) && importer?.includes("/age-encryption/") === true ? EMPTY + id : null,
    load: (id) =>
      id.startsWith(EMPTY)
        ? (UNUSED[id.slice(EMPTY.length)] ?? []).map((name) => `export const ${name} = undefined;`).join("\n")
        : null,
  };
}
