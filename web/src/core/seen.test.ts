import { describe, expect, it } from "vitest";
import { runSteps, vectorCases } from "../../test/vectors/file.ts";
import { type Identity, Seen } from "./seen.ts";

describe("dedupe", () => {
  it.each(vectorCases("dedupe.json"))("$name", (vector) => {
    const seen = new Seen(vector.given.limit, vector.given.seen);
    runSteps(vector, {
      connected: () => seen.connected(),
      arrive: ({ delivery, ...identity }: Identity & { delivery: string }) => seen.arrive(identity, delivery),
      ack: (identity: Identity) => seen.ack(identity),
      release: (identity: Identity) => seen.release(identity),
      take_acks: ({ max }: { max: number }) => seen.takeAcks(max),
    });
    if (vector.then !== undefined) {
      expect(seen.acked()).toEqual(vector.then.acked);
    }
  });
});
