import { describe, it } from "vitest";
import { runSteps, vectorCases } from "../../test/vectors/file.ts";
import { Backoff } from "./backoff.ts";

describe("backoff", () => {
  it.each(vectorCases("backoff.json"))("$name", (vector) => {
    const backoff = new Backoff(vector.given.base, vector.given.max);
    runSteps(vector, {
      next: ({ random }: { random: number }) => backoff.next(random),
      reset: () => backoff.reset(),
    });
  });
});
