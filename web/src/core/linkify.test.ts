import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { linkify } from "./linkify.ts";

const found = (text: string) => linkify(text).map(({ from, to, href }) => [text.slice(from, to), href]);

describe("addresses", () => {
  it.each([
    ["see https://example.org/a?b=c#d now", "https://example.org/a?b=c#d", "https://example.org/a?b=c#d"],
    ["HTTP://Example.org", "HTTP://Example.org", "http://example.org/"],
    ["www.example.org", "www.example.org", "https://www.example.org/"],
    [
      "(https://en.wikipedia.org/wiki/A_(b))",
      "https://en.wikipedia.org/wiki/A_(b)",
      "https://en.wikipedia.org/wiki/A_(b)",
    ],
    ["https://a.example.", "https://a.example", "https://a.example/"],
    ["really: https://a.example/?!", "https://a.example/", "https://a.example/"],
    ["**https://a.example**", "https://a.example", "https://a.example/"],
    ["<https://a.example>", "https://a.example", "https://a.example/"],
    ["bob@example.org,", "bob@example.org", "mailto:bob@example.org"],
    ["(mailto:bob@example.org)", "bob@example.org", "mailto:bob@example.org"],
    ["a+b?c@example.org", "a+b?c@example.org", "mailto:a%2Bb%3Fc@example.org"],
    ["見る：https://例え.jp/。", "https://例え.jp/", "https://xn--r8jz45g.jp/"],
  ])("%s", (text, shown, href) => {
    expect(found(text)).toEqual([[shown, href]]);
  });

  it.each([
    "javascript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "file:///etc/passwd",
    "ftp://example.org",
    "https://",
    "http://?",
    "www.",
    "www.com",
    "xhttps://a.example",
    "https://bank.example@evil.example/",
    "https://user:secret@evil.example/",
    "bob@",
    "@bob",
    "bob@localhost",
    "a@b@c.org",
    "mailto:",
    `https://a.example/${"x".repeat(3_000)}`,
  ])("%s is no link", (text) => {
    expect(found(text)).toEqual([]);
  });

  it("with an unseen character end there", () => {
    expect(found("https://a.example/\u200bx")).toEqual([["https://a.example/", "https://a.example/"]]);
    expect(found("https://a.example/\u202egnp.exe")).toEqual([["https://a.example/", "https://a.example/"]]);
  });

  it("that mix scripts say their host in ASCII", () => {
    expect(linkify("https://аррӏе.com/x")[0]?.disguised).toBe("xn--80ak6aa92e.com");
    expect(linkify("https://раypal.com")[0]?.disguised).toMatch(/^xn--/);
    expect(linkify("https://пример.рф")[0]?.disguised).toBeUndefined();
    expect(linkify("https://例え.jp")[0]?.disguised).toBeUndefined();
    expect(linkify("https://münchen.de")[0]?.disguised).toBeUndefined();
  });

  it("are all found, in order", () => {
    expect(found("a www.a.org b@c.de\nhttps://d.example").map(([shown]) => shown)).toEqual([
      "www.a.org",
      "b@c.de",
      "https://d.example",
    ]);
  });
});

const part = fc.constantFrom(
  "https://",
  "http://",
  "www.",
  "@",
  ".",
  "(",
  ")",
  "a",
  "例",
  " ",
  "\n",
  "\\",
  "/",
  "[",
  "xn--",
  "\u202e",
);
const text = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.array(part, { maxLength: 60 }).map((parts) => parts.join("")),
);

it("every link lies in the text, after the one before, and has one of three schemes", () => {
  fc.assert(
    fc.property(text, (text) => {
      let end = 0;
      for (const { from, to, href } of linkify(text)) {
        expect(from >= end && to > from && to <= text.length).toBe(true);
        expect(href).toMatch(/^(https?|mailto):/);
        end = to;
      }
    }),
  );
});

it.each(["https://a.b/", "www.a.", "a@", "(", ")", "https://(", "x", "a@b.", ".", "http://www.", "@ ", "`"])(
  "takes steps for 64 KiB of %s whose number is linear",
  (piece) => {
    const source = piece.repeat(Math.ceil(65_536 / piece.length));
    const meter = { steps: 0 };
    linkify(source, meter);
    expect(meter.steps).toBeLessThan(8 * source.length);
  },
);
