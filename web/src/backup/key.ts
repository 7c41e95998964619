/** What opens a backup: a passphrase, or recovery keys, which are ordinary identities of age. */
import { hkdf } from "@noble/hashes/hkdf.js";
import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { Decrypter } from "age-encryption";
import { hex } from "../core/digest.ts";
import { Damaged } from "./bytes.ts";

export type Key = { passphrase: string } | { identities: string[] };

/** The error for a key that does not open this backup. */
export class WrongKey extends Error {
  constructor(what: string) {
    super(what);
    this.name = "WrongKey";
  }
}

/** The most bytes of the header of age. It takes about 100 bytes a recipient. */
const HEADER_MAX = 16 << 10;

/**
 * Returns the keys of a file as `age-keygen` writes it. Fails with `WrongKey` if it has anything
 * else.
 */
export function identitiesOf(file: string): string[] {
  const lines = file.split(/\r?\n/).map((line) => line.trim());
  const keys = lines.filter((line) => line !== "" && !line.startsWith("#"));
  if (keys.length === 0 || !keys.every((key) => /^AGE-SECRET-KEY-1[02-9AC-HJ-NP-Z]{58}$/.test(key))) {
    throw new WrongKey("the file has no key, or something else than keys");
  }
  return keys;
}

/** Returns what opens a backup, as its header says. It may still be damaged. */
export async function lockedWith(file: Blob): Promise<"passphrase" | "key"> {
  return /^[^\n]*\n-> scrypt /.test(await headOf(file)) ? "passphrase" : "key";
}

/** Opens a backup. Fails with `WrongKey` or `Damaged`. */
export async function open(file: Blob, key: Key): Promise<ReadableStream<Uint8Array>> {
  const head = await headOf(file);
  if (!head.startsWith("age-encryption.org/v1\n") || !head.includes("\n--- ")) {
    throw new Damaged("it is no file of age, or its header is damaged");
  }
  const decrypter = new Decrypter();
  if ("passphrase" in key) {
    decrypter.addPassphrase(key.passphrase);
  } else {
    for (const identity of key.identities) {
      decrypter.addIdentity(identity);
    }
  }
  try {
    return await decrypter.decrypt(file.stream());
  } catch (error) {
    if (error instanceof Error && error.message.startsWith("no identity matched")) {
      throw new WrongKey("the key or the passphrase does not open this backup");
    }
    throw new Damaged("its header is damaged");
  }
}

/**
 * Returns whether the owner of the key wrote a backup with these sums. Everybody who knows the
 * public half of a key can lock a file for it, and only the owner can vouch. Who knows a
 * passphrase can only have it from the owner.
 */
export function isVouched(key: Key, sums: Uint8Array, mac: string | undefined): boolean {
  if ("passphrase" in key) {
    return true;
  }
  return mac !== undefined && key.identities.some((identity) => vouch(macKey(identity), sums) === mac.trim());
}

/**
 * Returns the key that vouches for backups. A device keeps it beside the public half of the
 * recovery key.
 */
export function macKey(identity: string): Uint8Array {
  const utf8 = new TextEncoder();
  return hkdf(sha256, utf8.encode(identity), undefined, utf8.encode("ferry-backup-mac-1"), 32);
}

/** Returns what vouches for sums, as hex. */
export function vouch(macKey: Uint8Array, sums: Uint8Array): string {
  return hex(hmac(sha256, macKey, sums));
}

async function headOf(file: Blob): Promise<string> {
  const bytes = new Uint8Array(await file.slice(0, HEADER_MAX).arrayBuffer());
  return new TextDecoder("latin1").decode(bytes);
}
