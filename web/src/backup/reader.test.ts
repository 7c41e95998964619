import { readdirSync, readFileSync } from "node:fs";
import { sha256 } from "@noble/hashes/sha2.js";
import { Encrypter } from "age-encryption";
import { describe, expect, it } from "vitest";
import { hex } from "../core/digest.ts";
import { lineOf } from "../core/item.ts";
import { compareText } from "../core/text.ts";
import { identitiesOf, type Key, lockedWith } from "./key.ts";
import { readBackup } from "./reader.ts";

const directory = new URL("../../../testdata/backup/v1/", import.meta.url);
const file = (name: string) => readFileSync(new URL(name, directory));
const names = readdirSync(directory).filter((name) => name.endsWith(".age"));

interface Vector {
  opens_with: "key" | "other-key" | "passphrase";
  outcome: "whole" | "damaged" | "wrong-key" | "newer";
  found?: object;
}

function keyFor(opensWith: Vector["opens_with"]): Key {
  if (opensWith === "passphrase") {
    return { passphrase: "correct-horse-battery-staple" };
  }
  return { identities: identitiesOf(file(opensWith === "key" ? "recovery.txt" : "other.txt").toString()) };
}

const ERRORS = { damaged: "Damaged", "wrong-key": "WrongKey", newer: "Newer" };

async function find(bytes: Uint8Array<ArrayBuffer>, key: Key) {
  const lines: string[] = [];
  const whole = await readBackup(new Blob([bytes]), key, {
    item: (item, line) => {
      lines.push(line);
      expect(lineOf(item), "a line that was read is written the same again").toBe(line);
    },
  });
  const sorted = lines.sort(compareText).map((line) => `${line}\n`);
  return {
    vouched: whole.isVouched,
    messages: whole.manifest.counts.messages,
    digest: whole.digest,
    lines: hex(sha256(new TextEncoder().encode(sorted.join("")))),
    skipped_files: whole.unknown,
  };
}

it("there are backups to read", () => {
  expect(names.length).toBeGreaterThanOrEqual(12);
});

describe("the backup", () => {
  it.each(names)("%s is read as the Rust library reads it", async (name) => {
    const { opens_with, outcome, found }: Vector = JSON.parse(file(name.replace(".age", ".json")).toString());
    const bytes = new Uint8Array(file(name));
    if (outcome === "whole") {
      expect(await find(bytes, keyFor(opens_with))).toEqual(found);
    } else {
      await expect(find(bytes, keyFor(opens_with))).rejects.toMatchObject({ name: ERRORS[outcome] });
    }
    expect(await lockedWith(new Blob([bytes]))).toBe(opens_with === "passphrase" ? "passphrase" : "key");
  });

  it("that is cut off anywhere is damaged", async () => {
    const whole = new Uint8Array(file("one-of-everything.age"));
    for (let length = 0; length < whole.length; length += 61) {
      const cut = find(whole.slice(0, length), keyFor("key"));
      await expect(cut, `${length} bytes`).rejects.toMatchObject({ name: "Damaged" });
    }
  });

  it("of which a byte is another one gives no record that is wrong", async () => {
    const whole = new Uint8Array(file("one-of-everything.age"));
    for (let at = 0; at < whole.length; at += 37) {
      const flipped = whole.slice();
      flipped[at] = (flipped[at] ?? 0) ^ 1;
      const read = find(flipped, keyFor("key"));
      await expect(read, `byte ${at}`).rejects.toMatchObject({
        name: expect.stringMatching(/^(Damaged|WrongKey)$/),
      });
    }
  });

  it("that is locked with a passphrase does not open with a key, and the other way round", async () => {
    const read = (name: string, opensWith: Vector["opens_with"]) =>
      find(new Uint8Array(file(name)), keyFor(opensWith));
    await expect(read("passphrase.age", "key")).rejects.toMatchObject({ name: "WrongKey" });
    await expect(read("empty.age", "passphrase")).rejects.toMatchObject({ name: "WrongKey" });
  });

  it("that asks for too much work is refused before the work", async () => {
    const encrypter = new Encrypter();
    encrypter.setPassphrase("correct-horse-battery-staple");
    encrypter.setScryptWorkFactor(10);
    const small = Buffer.from(await encrypter.encrypt("x")).toString("latin1");
    const large = Buffer.from(small.replace(/(-> scrypt \S+ )10\n/, "$130\n"), "latin1");
    await expect(find(new Uint8Array(large), keyFor("passphrase"))).rejects.toMatchObject({
      name: "Damaged",
    });
  });
});

it("a file of keys has keys and comments only", () => {
  expect(identitiesOf(file("recovery.txt").toString()).length).toBe(1);
  for (const wrong of ["", "# nothing\n", "AGE-SECRET-KEY-1", "hello"]) {
    expect(() => identitiesOf(wrong)).toThrow("no key");
  }
});
