/** The vectors that the Rust client library and this one share: crates/client/vectors. */
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { expect } from "vitest";

const directory = fileURLToPath(new URL("../../../crates/client/vectors/", import.meta.url));

export interface Step {
  do: string;
  // biome-ignore lint/suspicious/noExplicitAny: the README says what it is for each file.
  with?: any;
  expect?: unknown;
}

export interface Case {
  name: string;
  // biome-ignore lint/suspicious/noExplicitAny: the README says what it is for each file.
  given: any;
  steps: Step[];
  // biome-ignore lint/suspicious/noExplicitAny: the README says what it is for each file.
  then?: any;
}

/** Returns the names of all files of vectors. */
export function vectorFiles(): string[] {
  return readdirSync(directory).filter((name) => /\.json(\.gz)?$/.test(name));
}

/** Returns the cases of a file. Fails if it is not there, has none, or is of a later version. */
export function vectorCases(name: string): Case[] {
  const bytes = readFileSync(directory + name);
  const text = (name.endsWith(".gz") ? gunzipSync(bytes) : bytes).toString("utf8");
  const { version, cases } = JSON.parse(text) as { version: number; cases: Case[] };
  expect(version, name).toBe(1);
  expect(cases.length, name).toBeGreaterThan(0);
  return cases;
}

/** Runs the steps of a case. A step that no action is for is an error. */
export function runSteps({ steps }: Case, actions: Record<string, (given: never) => unknown>): void {
  for (const [at, step] of steps.entries()) {
    const action = actions[step.do] as ((given: unknown) => unknown) | undefined;
    if (action === undefined) {
      throw new Error(`no such step: ${step.do}`);
    }
    const answer = action(step.with ?? {});
    if ("expect" in step) {
      expect(answer ?? null, `step ${at}: ${step.do}`).toEqual(step.expect);
    }
  }
}
