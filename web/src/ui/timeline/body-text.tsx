/** A text as elements: the tree of `core/markup`, without its syntax. */
import { useMemo, useState } from "preact/hooks";
import { markup, type Token } from "../../core/markup.ts";
import { t } from "../../i18n/words.ts";

/** A longer text is cut until the user asks for the rest. */
const SHOWN_MAX = 4_000;
const LINES_MAX = 60;
/** So few emoji alone are shown large. */
const BIG_MAX = 3;

export function BodyText({ text }: { text: string }) {
  const [isWhole, setWhole] = useState(false);
  const cut = cutAt(text);
  const shown = isWhole ? text : text.slice(0, cut);
  const tokens = useMemo(() => markup(shown), [shown]);
  return (
    <>
      <div class={isBig(text) ? "body big" : "body"} dir="auto">
        {draw(tokens)}
        {shown.length < text.length ? "…" : null}
      </div>
      {cut < text.length ? (
        <button type="button" class="more-text" onClick={() => setWhole(!isWhole)}>
          {isWhole ? t("body.less") : t("body.more")}
        </button>
      ) : null}
    </>
  );
}

function draw(tokens: readonly Token[]) {
  return tokens.map((token, at) => {
    // A quote and a fence are blocks, and the break after one is theirs.
    const before = tokens[at - 1]?.type;
    if (token.type === "break" && (before === "quote" || before === "fence")) {
      return null;
    }
    return drawn(token, at);
  });
}

function drawn(token: Token, key: number) {
  switch (token.type) {
    case "mark":
      return null;
    case "text":
    case "break":
      return token.text;
    case "strong":
      return <strong key={key}>{draw(token.children)}</strong>;
    case "emphasis":
      return <em key={key}>{draw(token.children)}</em>;
    case "strike":
      return <s key={key}>{draw(token.children)}</s>;
    case "code":
      return (
        <code key={key} dir="ltr">
          {draw(token.children)}
        </code>
      );
    case "quote":
      return <blockquote key={key}>{draw(token.children)}</blockquote>;
    case "fence":
      return (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: long lines scroll by keys
        <pre key={key} dir="ltr" tabIndex={0}>
          <code>{draw(token.children)}</code>
        </pre>
      );
    case "link":
      return (
        <span key={key}>
          <a href={token.href} target="_blank" rel="noopener noreferrer nofollow" dir="ltr">
            {draw(token.children)}
          </a>
          {token.disguised === undefined ? null : (
            <bdi class="host"> {t("body.host", { host: token.disguised })}</bdi>
          )}
        </span>
      );
  }
}

/** Where to cut a long text, never within a character. */
function cutAt(text: string): number {
  let end = Math.min(text.length, SHOWN_MAX);
  let lines = 0;
  for (let at = 0; at < end; at += 1) {
    if (text.charAt(at) === "\n") {
      lines += 1;
      if (lines >= LINES_MAX) {
        end = at;
      }
    }
  }
  const isHalf = end < text.length && /[\ud800-\udbff]/.test(text.charAt(end - 1));
  return isHalf ? end - 1 : end;
}

function isBig(text: string): boolean {
  const isEmoji = /^(?:[\p{Emoji_Presentation}\p{Emoji_Modifier}\p{RI}]|\p{Emoji}\ufe0f|\u200d)+$/u;
  return text.length <= 40 && isEmoji.test(text) && [...new Intl.Segmenter().segment(text)].length <= BIG_MAX;
}
