// The first picture of the page waits for its first script, which knows the chosen theme.
import type { Plugin } from "vite";

/** What Vite writes for the entry. It drops other attributes of the tag in `index.html`. */
const ENTRY = '<script type="module" ';

/**
 * Lets the browser draw nothing before the first script has run. Until then there is only the
 * colour of the system's theme to see, and then that of the user's. A browser that does not know
 * the attribute draws as ever.
 */
export function firstPaint(): Plugin {
  return {
    name: "ferry-first-paint",
    apply: "build",
    transformIndexHtml: {
      order: "post",
      handler(html) {
        if (!html.includes(ENTRY)) {
          throw new Error("index.html has no first script as scripts/first-paint.ts expects it");
        }
        return html.replace(ENTRY, `${ENTRY}blocking="render" `);
      },
    },
  };
}
