import { describe, it } from "vitest";
import { runSteps, vectorCases } from "../../test/vectors/file.ts";
import { type Typist, Typists } from "./typists.ts";

describe("typing", () => {
  const byId = (one: Typist, other: Typist) => (one.room + one.user < other.room + other.user ? -1 : 1);
  it.each(vectorCases("typing.json"))("$name", (vector) => {
    const typists = new Typists();
    type Writes = Typist & { expires_in_ms: number; now: number };
    runSteps(vector, {
      writes: ({ room, user, expires_in_ms, now }: Writes) =>
        typists.writes({ room, user }, expires_in_ms, now),
      writes_many: ({ count, expires_in_ms, now }: Writes & { count: number }) => {
        const ids = Array.from({ length: count }, (_, at) => `${at + 1}`.padStart(12, "0"));
        const told = ids.map((id) => `00000000-0000-0000-0000-${id}`);
        return told.filter((id) => typists.writes({ room: id, user: id }, expires_in_ms, now)).length;
      },
      stops: (typist: Typist) => typists.stops(typist),
      due: () => typists.due(),
      lapsed: ({ now }: { now: number }) => typists.lapsed(now).sort(byId),
      all: () => typists.all().sort(byId),
      all_count: () => typists.all().length,
    });
  });
});
