import { describe, expect, it } from "vitest";
import { runSteps, vectorCases } from "../../test/vectors/file.ts";
import { type Latest, lastSaid, putLatest, type Said } from "./latest.ts";

describe("latest", () => {
  it.each(vectorCases("latest.json"))("$name", (vector) => {
    const latest: Latest<string> = [];
    runSteps(vector, { put: (said: Said<string>) => putLatest(latest, said) });
    const last = lastSaid(latest);
    expect({ said: last?.said, sent_at: last?.sent_at, speakers: latest.length }).toEqual(vector.then);
  });
});
