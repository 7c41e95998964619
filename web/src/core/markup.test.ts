import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { markup, plainOf, sourceOf, type Token } from "./markup.ts";

/** Writes a tree in a short form. */
function short(tokens: Token[]): string {
  const one = (token: Token): string => {
    if (!("children" in token)) {
      return token.type === "mark" ? "" : token.type === "break" ? "/" : token.text;
    }
    const more =
      token.type === "link" ? `:${token.href}` : token.type === "fence" ? `:${token.language}` : "";
    return `<${token.type}${more} ${short(token.children)}>`;
  };
  return tokens.map(one).join("");
}

describe("markup", () => {
  it.each([
    ["plain", "plain"],
    ["**a** b", "<strong a> b"],
    ["_a_ ~~b~~", "<emphasis a> <strike b>"],
    ["**a _b ~~c~~ d_**", "<strong a <emphasis b <strike c> d>>"],
    ["**a _b** c_", "<strong a _b> c_"],
    ["a * b ** c", "a * b ** c"],
    ["snake_case_name", "snake_case_name"],
    ["_a_b", "_a_b"],
    ["****", "****"],
    ["** a**", "** a**"],
    ["**a", "**a"],
    ["_foo and _bar_", "_foo and <emphasis bar>"],
    ["**a\nb**", "**a/b**"],
    ["`a **b** _c_`", "<code a **b** _c_>"],
    ["``a ` b``", "<code a ` b>"],
    ["`a", "`a"],
    ["a ` b `` c", "a ` b `` c"],
    ["\\*\\*a\\*\\* \\a", "**a** \\a"],
    ["> a\n> **b**\nc", "<quote a/<strong b>/>c"],
    [">a", "<quote a>"],
    ["a > b", "a > b"],
    ["```rust\nlet **a**;\n```\nb", "<fence:rust let **a**;\n>b"],
    ["```\na", "<fence: a>"],
    ["````\n```\n````", "<fence: ```\n>"],
    ["``` a ``` b", "<code  a > b"],
    ["see https://a.example/_b_c_ now", "see <link:https://a.example/_b_c https://a.example/_b_c>_ now"],
    ["**https://a.example**", "<strong <link:https://a.example/ https://a.example>>"],
    ["`https://a.example`", "<code https://a.example>"],
    ["> https://a.example", "<quote <link:https://a.example/ https://a.example>>"],
    ["<b>bold</b> &amp; [x](javascript:alert(1))", "<b>bold</b> &amp; [x](javascript:alert(1))"],
    ["", ""],
  ])("%s", (source, tree) => {
    expect(short(markup(source))).toBe(tree);
  });

  it("without its syntax is plain", () => {
    expect(plainOf(markup("> **a** `b`\n```\nc\n```"))).toBe("a b\nc\n");
  });
});

const part = fc.constantFrom(
  "**",
  "*",
  "_",
  "~~",
  "~",
  "`",
  "``",
  "```",
  "\n",
  "> ",
  ">",
  " ",
  "a",
  "b c",
  "\\",
  "https://a.example/_x_",
  "w@x.org",
  "é",
  "👍",
);
const source = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.array(part, { maxLength: 80 }).map((parts) => parts.join("")),
);

function depth(tokens: readonly Token[]): number {
  return Math.max(0, ...tokens.map((token) => ("children" in token ? 1 + depth(token.children) : 0)));
}

it("all leaves together are the source, and the tree is not deep", () => {
  fc.assert(
    fc.property(source, (source) => {
      const tokens = markup(source);
      expect(sourceOf(tokens)).toBe(source);
      expect(depth(tokens)).toBeLessThanOrEqual(6);
    }),
    { numRuns: 1_000 },
  );
});

it("no leaf is empty but the text of code", () => {
  fc.assert(
    fc.property(source, (source) => {
      const empty = (tokens: readonly Token[]): boolean =>
        tokens.some((token) =>
          "children" in token ? token.type !== "fence" && empty(token.children) : token.text === "",
        );
      expect(empty(markup(source))).toBe(false);
    }),
  );
});

it.each([
  "**a",
  "a**",
  "**a ",
  "_",
  "_a ",
  "~~a ",
  "**_~~",
  "`",
  "`a``b",
  "``a ",
  "> ",
  ">",
  "\n",
  "```\n",
  "```a\n",
  "\\",
  "\\*",
  "https://a.b ",
  "https://",
  "_https://a.b/_ ",
  "a@b.c ",
  "**a _b ~~c ",
  "c~~ b_ a** ",
  "*",
  "> ```\n",
  "`` ` ",
])("takes steps for 64 KiB of %s whose number is linear", (piece) => {
  const source = piece.repeat(Math.ceil(65_536 / piece.length));
  const meter = { steps: 0 };
  expect(sourceOf(markup(source, meter))).toBe(source);
  expect(meter.steps).toBeLessThan(20 * source.length);
});

it("runs of backticks of every length take a number of steps that is linear", () => {
  const source = Array.from({ length: 360 }, (_, at) => "`".repeat(at + 1)).join(" ");
  const meter = { steps: 0 };
  markup(source, meter);
  expect(meter.steps).toBeLessThan(20 * source.length);
});
