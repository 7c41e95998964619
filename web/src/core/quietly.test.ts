import { expect, it } from "vitest";
import { quietly } from "./quietly.ts";

it("lets work go on, and ends with its error", async () => {
  const done: string[] = [];
  const work = async (name: string, fails: boolean) => {
    await Promise.resolve();
    done.push(name);
    if (fails) {
      throw new Error(name);
    }
  };
  quietly(work("good", false));
  quietly(work("bad", true));
  await new Promise((resolve) => setImmediate(resolve));
  // An error that nobody caught would fail this run of the tests.
  expect(done).toEqual(["good", "bad"]);
});
