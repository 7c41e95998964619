import { describe, expect, it } from "vitest";
import { runSteps, vectorCases } from "../../test/vectors/file.ts";
import { forwardOf, isValidKind, parseBody, toBody } from "./kinds.ts";
import type { Message } from "./message.ts";

describe("kinds", () => {
  it.each(vectorCases("kinds.json"))("$name", (vector) => {
    runSteps(vector, {
      parse: ({ kind, json }: { kind: string; json: string }) => {
        const known = parseBody(kind, JSON.parse(json));
        if (known === undefined) {
          return { unknown: true };
        }
        if (known.kind === "malformed") {
          return { malformed: known.field };
        }
        expect(parseBody(known.kind, toBody(known)), "what is read is written the same again").toEqual(known);
        return { known };
      },
      forward: ({ message }: { message: Message }) => {
        const forward = forwardOf(message);
        return forward === undefined ? undefined : toBody(forward);
      },
      is_valid_kind: ({ kind }: { kind: string }) => isValidKind(kind),
    });
  });
});
