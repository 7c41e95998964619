import { describe, expect, it } from "vitest";
import { runSteps, vectorCases } from "../../test/vectors/file.ts";
import type { Id } from "./id.ts";
import type { Stream } from "./message.ts";
import { Order } from "./order.ts";

describe("order", () => {
  it.each(vectorCases("order.json"))("$name", (vector) => {
    const order = new Order();
    type Observed = { device: Id; stream: Stream; room: Id; epoch: number; seq: number };
    runSteps(vector, {
      observe: ({ device, stream, room, epoch, seq }: Observed) =>
        order.observe(device, stream, room, epoch, seq),
    });
    for (const { device, room, count, numbers } of vector.then.missing) {
      const missing = order.missing(device, room);
      expect(missing.length).toBe(count);
      if (numbers !== undefined) {
        expect(missing).toEqual(numbers);
      }
    }
  });
});
