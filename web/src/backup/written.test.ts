/**
 * The backups in testdata/backup/web, which this client wrote. The Rust library reads them.
 * `FERRY_WRITE_VECTORS=1 npx vitest run src/backup/written` writes those that are missing.
 * A landed file never changes.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { sha256 } from "@noble/hashes/sha2.js";
import { identityToRecipient } from "age-encryption";
import { describe, expect, it } from "vitest";
import { ME, ROOM, records, TEXTS } from "../../test/backup-records.ts";
import { hex } from "../core/digest.ts";
import type { Item } from "../core/item.ts";
import { compareText } from "../core/text.ts";
import { identitiesOf, type Key, macKey } from "./key.ts";
import { readBackup } from "./reader.ts";
import { type Lock, writeBackup } from "./writer.ts";

const directory = new URL("../../../testdata/backup/", import.meta.url);
const path = (name: string) => new URL(`web/${name}`, directory);
const [identity = ""] = identitiesOf(readFileSync(new URL("v1/recovery.txt", directory), "utf8"));
const recipient = await identityToRecipient(identity);
const passphrase = "correct-horse-battery-staple";

const FILES: Record<string, { lock: Lock; opensWith: "key" | "passphrase"; items: Item[] }> = {
  "one-of-everything": {
    lock: { recipient, macKey: macKey(identity) },
    opensWith: "key",
    items: records(),
  },
  "not-vouched": { lock: { recipient }, opensWith: "key", items: records() },
  passphrase: { lock: { passphrase }, opensWith: "passphrase", items: records() },
  empty: { lock: { recipient, macKey: macKey(identity) }, opensWith: "key", items: [] },
};

async function written(lock: Lock, items: Item[]): Promise<Uint8Array<ArrayBuffer>> {
  const plan = { lock, app: "ferry-web/test", server: "http://127.0.0.1:8080", user: ME };
  const stream = await writeBackup(
    { ...plan, now: 1_800_000_000_000, holes: 1, whole: [[1, 5]] },
    () => items,
  );
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** Returns what a reader finds, as the files beside the backups say it. */
async function found(bytes: Uint8Array<ArrayBuffer>, opensWith: "key" | "passphrase") {
  const lines: string[] = [];
  const key: Key = opensWith === "key" ? { identities: [identity] } : { passphrase };
  const whole = await readBackup(new Blob([bytes]), key, { item: (_, line) => lines.push(line) });
  const sorted = lines.sort(compareText).map((line) => `${line}\n`);
  return {
    opens_with: opensWith,
    outcome: "whole",
    found: {
      vouched: whole.isVouched,
      messages: whole.manifest.counts.messages,
      digest: whole.digest,
      lines: hex(sha256(new TextEncoder().encode(sorted.join("")))),
      skipped_files: whole.unknown,
    },
    ...(lines.length === 0 ? {} : { reads: { room: ROOM, texts: TEXTS } }),
  };
}

describe("the backup of this client", () => {
  it.each(Object.entries(FILES))("%s has what was written", async (name, { lock, opensWith, items }) => {
    const isWanted = process.env["FERRY_WRITE_VECTORS"] !== undefined;
    if (isWanted && !existsSync(path(`${name}.age`))) {
      const bytes = await written(lock, items);
      writeFileSync(path(`${name}.age`), bytes);
      writeFileSync(path(`${name}.json`), `${JSON.stringify(await found(bytes, opensWith), null, 2)}\n`);
    }
    const expected: unknown = JSON.parse(readFileSync(path(`${name}.json`), "utf8"));
    const held = new Uint8Array(readFileSync(path(`${name}.age`)));
    expect(await found(held, opensWith)).toEqual(expected);
    // A passphrase takes seconds of work, and only the lock is another one.
    if (opensWith === "key") {
      expect(await found(await written(lock, items), opensWith)).toEqual(expected);
    }
  });
});
