import { expect, it } from "vitest";
import { vectorFiles } from "./file.ts";

/** Every file that must be there. One that is missing, and one that nobody runs, fails. */
const REQUIRED = [
  "backoff.json",
  "close-codes.json",
  "conversation-generated.json.gz",
  "conversation.json",
  "dedupe.json",
  "kinds.json",
  "latest.json",
  "order.json",
  "outbox.json",
  "records.json",
  "roles.json",
  "typing.json",
  "words.json",
];

it("all files of vectors are there, and each has a runner", () => {
  expect(vectorFiles().sort()).toEqual(REQUIRED);
});
