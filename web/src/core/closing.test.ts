import { describe, it } from "vitest";
import { runSteps, vectorCases } from "../../test/vectors/file.ts";
import { closing } from "./closing.ts";

describe("close codes", () => {
  it.each(vectorCases("close-codes.json"))("$name", (vector) => {
    runSteps(vector, {
      close: ({ code }: { code: number }) => {
        const { needsToken: _, ...end } = { needsToken: false, ...closing(code) };
        return end;
      },
    });
  });
});
