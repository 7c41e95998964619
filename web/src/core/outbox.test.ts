import { describe, expect, it } from "vitest";
import { runSteps, vectorCases } from "../../test/vectors/file.ts";
import type { Id } from "./id.ts";
import { Outbox } from "./outbox.ts";

describe("outbox", () => {
  it.each(vectorCases("outbox.json"))("$name", (vector) => {
    const outbox = new Outbox();
    type Refused = { id: Id; retry_after: number | null; now: number; random: number };
    const wait = (milliseconds: number | null) => milliseconds ?? undefined;
    runSteps(vector, {
      push: ({ id, frame }: { id: Id; frame: string }) => outbox.push(id, frame),
      next: ({ now }: { now: number }) => outbox.next(now),
      next_all: ({ now }: { now: number }) => {
        const frames: string[] = [];
        for (let next = outbox.next(now); next !== undefined; next = outbox.next(now)) {
          frames.push(next.frame);
        }
        return frames;
      },
      due: () => outbox.due(),
      answered: ({ id }: { id: Id }) => outbox.answered(id),
      refused_for_now: ({ id, retry_after, now, random }: Refused) =>
        outbox.refusedForNow(id, wait(retry_after), now, random),
      outstanding: ({ id, retry_after, now, random }: Refused) =>
        outbox.outstanding(id, wait(retry_after), now, random),
      connection_lost: () => outbox.connectionLost(),
      keep_wanted: ({ wanted }: { wanted: Id[] }) => {
        for (const id of outbox.ids().filter((id) => !wanted.includes(id))) {
          outbox.withdraw(id);
        }
      },
    });
    if (vector.then !== undefined) {
      expect(outbox.ids()).toEqual(vector.then.ids);
    }
  });
});
