import { describe, expect, it } from "vitest";
import { imports, sources } from "./sources.ts";

/** What a folder may import beside itself. A package stands by its name. */
const ALLOWED: Record<string, string[]> = {
  core: [],
  wire: ["core"],
  db: ["core", "idb"],
  backup: ["core", "age-encryption", "@noble/hashes"],
  i18n: ["@preact/signals"],
  session: ["core", "wire", "db"],
  lists: ["core", "wire", "db"],
  engine: ["core", "wire", "db", "lists"],
  state: ["core", "wire", "db", "lists", "session", "backup", "@preact/signals"],
  offline: [],
  ui: ["core", "state", "i18n", "preact", "@preact/signals", "qr", "virtual:emoji"],
};

/** Words that make HTML, or code, of text. The page builds elements and sets their text. */
const SINKS =
  /\b(innerHTML|outerHTML|dangerouslySetInnerHTML|insertAdjacentHTML|srcdoc|setHTMLUnsafe|createContextualFragment|parseFromString|DOMParser|document\.write|eval|new Function)\b/;

function folderOf(path: string): string | undefined {
  return /^src\/([^/]+)\//.exec(path)?.[1];
}

function isTest(path: string): boolean {
  return /\.test\.tsx?$/.test(path);
}

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, "");
}

describe("the sources", () => {
  const all = sources();

  it("import only what their folder may", () => {
    const wrong: string[] = [];
    for (const source of all.filter(({ path }) => !isTest(path))) {
      const folder = folderOf(source.path);
      if (folder === undefined) {
        continue;
      }
      const allowed = ALLOWED[folder];
      if (allowed === undefined) {
        wrong.push(`${source.path}: the folder ${folder} has no rule`);
        continue;
      }
      for (const imported of imports(source)) {
        const to = folderOf(imported) ?? imported;
        const fits =
          to === folder ||
          allowed.some(
            (name) =>
              to === name ||
              to.startsWith(`${name}/`) ||
              (name.startsWith("virtual:") && to.startsWith(name)),
          );
        if (!fits) {
          wrong.push(`${source.path} imports ${imported}`);
        }
      }
    }
    expect(wrong).toEqual([]);
  });

  it("have no HTML sink", () => {
    const wrong = all.filter(({ path, text }) => !isTest(path) && SINKS.test(text)).map(({ path }) => path);
    expect(wrong).toEqual([]);
  });

  it("let no promise go without its error", () => {
    // The screens and the state have their own way: what fails there is shown to the user.
    const apart = ["ui", "state"];
    const left = /(?<![:>|<,(] ?)\bvoid [\w(#]|=> void [\w(#]/;
    const wrong = all
      .filter(({ path }) => !isTest(path) && !apart.includes(folderOf(path) ?? ""))
      .flatMap(({ path, text }) =>
        withoutComments(text)
          .split("\n")
          .filter((line) => left.test(line))
          .map((line) => `${path}: ${line.trim()}`),
      );
    expect(wrong).toEqual([]);
  });

  it("of core ask neither the clock nor chance nor the page", () => {
    const impure =
      /\b(Date\.now|new Date\(\)|performance\.|Math\.random|crypto\.|navigator\.|document\.|globalThis|fetch\(|setTimeout|localStorage)/;
    const wrong = all.filter(
      ({ path, text }) => folderOf(path) === "core" && !isTest(path) && impure.test(withoutComments(text)),
    );
    expect(wrong.map(({ path }) => path)).toEqual([]);
  });

  it("are files of at most 300 lines", () => {
    const long = all.filter(
      ({ path, text }) => !path.endsWith(".generated.ts") && text.split("\n").length > 301,
    );
    expect(long.map(({ path }) => path)).toEqual([]);
  });

  it("have comments that end before column 100", () => {
    const long = all
      .filter(({ path }) => !path.endsWith(".generated.ts"))
      .flatMap(({ path, text }) => text.split("\n").map((line, at) => ({ where: `${path}:${at + 1}`, line })))
      .filter(({ line }) => line.length > 99 && /^\s*(\/\/|\/?\*)/.test(line));
    expect(long.map(({ where }) => where)).toEqual([]);
  });

  it("of core have a test beside each file", () => {
    const paths = new Set(all.map(({ path }) => path));
    const untested = all
      .filter(
        ({ path, text }) =>
          folderOf(path) === "core" && !isTest(path) && /export (function|class|const)/.test(text),
      )
      .filter(({ path }) => !paths.has(path.replace(/\.ts$/, ".test.ts")));
    expect(untested.map(({ path }) => path)).toEqual([]);
  });
});
