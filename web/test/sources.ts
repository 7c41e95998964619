/** The source files of the client, for the tests that read them. */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const web = resolve(dirname(fileURLToPath(import.meta.url)), "..");

export interface Source {
  /** The path from `web/`, with slashes. */
  path: string;
  text: string;
}

/** Returns every TypeScript file below `web/src`. */
export function sources(): Source[] {
  const names = readdirSync(join(web, "src"), { recursive: true, encoding: "utf8" });
  const files = names.filter((name) => /\.tsx?$/.test(name)).map((name) => join(web, "src", name));
  return files.map((file) => ({
    path: relative(web, file).replaceAll("\\", "/"),
    text: readFileSync(file, "utf8"),
  }));
}

/**
 * Returns what a file imports: a path from `web/` for its own files, and the name of a package.
 */
export function imports({ path, text }: Source): string[] {
  const named = text.matchAll(/^(?:import|export)\b[^"';]*\bfrom\s*["']([^"']+)["']/gm);
  const bare = text.matchAll(/(?:^import\s*|\bimport\s*\(\s*)["']([^"']+)["']/gm);
  const specifiers = [...named, ...bare];
  return specifiers.flatMap(([, specifier = ""]) => {
    if (!specifier.startsWith(".")) {
      return [specifier];
    }
    return [relative(web, resolve(web, dirname(path), specifier)).replaceAll("\\", "/")];
  });
}
