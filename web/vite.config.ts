import { join } from "node:path";
import { defineConfig } from "vitest/config";
import { age } from "./scripts/age.ts";
import { emoji } from "./scripts/emoji.ts";
import { firstPaint } from "./scripts/first-paint.ts";
import { offline } from "./scripts/offline.ts";

/** The relay that `npm run dev` talks to. Start it with `--origin http://localhost:5173`. */
const relay = process.env["FERRY_RELAY"] ?? "http://127.0.0.1:8080";

/**
 * Files that are one file of the page. Each takes a few lines, and would take more as a file of its
 * own. The start needs none of them.
 */
const TOGETHER = [
  { name: "basics", test: /\/src\/ui\/(basics\/(?!scene|menu)|shell\/pane|people\/person-item)/ },
  { name: "people", test: /\/src\/ui\/(people\/(?!person-item)|details\/|rooms\/(new-room|invitations))/ },
];

export default defineConfig({
  base: "/",
  plugins: [age(), emoji(), firstPaint(), offline(join(import.meta.dirname, "dist/version.txt"))],
  // The program is written for current browsers: no transpiling beyond them.
  build: {
    outDir: "build",
    target: "es2022",
    sourcemap: false,
    assetsInlineLimit: 0,
    // A preload is a hint: a browser that does not know it loads the module a moment later.
    modulePreload: { polyfill: false },
    rollupOptions: {
      output: { codeSplitting: { includeDependenciesRecursively: false, groups: TOGETHER } },
    },
  },
  server: {
    port: 5173,
    strictPort: true,
    proxy: { "/v1": { target: relay, ws: true } },
  },
  test: {
    environment: "node",
    include: ["src/**/*.test.ts", "test/**/*.test.ts"],
    // These need a browser: `./e2e` runs them.
    exclude: ["test/{screens,journeys,faults,perf,soak}/**", "node_modules/**"],
    // A test file that holds no test is a mistake.
    passWithNoTests: false,
    allowOnly: false,
    // Only against a test that never ends: a busy machine may be slow.
    testTimeout: 120_000,
  },
});
