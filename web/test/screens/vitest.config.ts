import { defineConfig } from "vitest/config";

/** The tests that need a browser. `./e2e screens` builds the stories, and runs this. */
export default defineConfig({
  test: {
    environment: "node",
    root: import.meta.dirname,
    include: ["*.test.ts"],
    // One browser at a time: a busy machine makes pages slow, and no test faster.
    fileParallelism: false,
    passWithNoTests: false,
    allowOnly: false,
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
