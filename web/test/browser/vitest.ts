/** How the tests that need a browser run. */
import { defineConfig } from "vitest/config";

export function inBrowser(folder: string) {
  return defineConfig({
    test: {
      environment: "node",
      root: folder,
      include: ["*.test.ts"],
      // One browser at a time: a busy machine makes pages slow, and no test faster.
      fileParallelism: false,
      passWithNoTests: false,
      allowOnly: false,
      testTimeout: 240_000,
      hookTimeout: 120_000,
    },
  });
}
