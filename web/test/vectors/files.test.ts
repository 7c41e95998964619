import { expect, it } from "vitest";
import { vectorFiles } from "./file.ts";

/** Every file that must be there. One that is missing, and one that nobody runs, fails. */
const REQUIRED = [
  "backoff.json",
  "close-codes.json",
  "conversation.json",
  "dedupe.json",
  "kinds.json",
  "latest.json",
  "order.json",
  "outbox.json",
  "roles.json",
  "typing.json",
];
/** Files that a later version of the client library writes. They run if they are there. */
const OPTIONAL = ["conversation-generated.json", "conversation-generated.json.gz"];

it("all files of vectors are there, and each has a runner", () => {
  const files = vectorFiles();
  expect(REQUIRED.filter((name) => !files.includes(name))).toEqual([]);
  expect(files.filter((name) => ![...REQUIRED, ...OPTIONAL].includes(name))).toEqual([]);
});
