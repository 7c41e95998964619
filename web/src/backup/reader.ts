/**
 * Reads a backup as a stream: `age(gzip(tar))`, as docs/backup.md describes it. Its memory is
 * bounded whatever the file says. What it hands over before the end may belong to a file that
 * proves to be damaged: read it to its end before anything is stored.
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { Digest, hex } from "../core/digest.ts";
import { addTo, type Item, itemOf, type Section, sectionOf } from "../core/item.ts";
import { Bytes, Damaged } from "./bytes.ts";
import { isVouched, type Key, open } from "./key.ts";
import { type Counts, compare, type Manifest, manifestOf } from "./manifest.ts";
import { type Entry, entries } from "./tar.ts";

/** The longest line, its end included. */
const LINE_MAX = 1 << 20;
const MANIFEST_MAX = 1 << 20;
const SUMS_MAX = 16 << 20;
const MAC_MAX = 1_024;
/** The most bytes of a file that this version does not know. */
const UNKNOWN_MAX = 4 * 2 ** 30;

const MANIFEST = "manifest.json";
const README = "README.txt";
const SUMS = "SHA256SUMS";
const MAC = "SHA256SUMS.mac";

/** What a whole backup has. */
export interface Whole {
  manifest: Manifest;
  digest: string;
  /** Whether the owner of the key wrote it. */
  isVouched: boolean;
  /** Files that this version does not know, and skips. */
  unknown: string[];
}

/** What meets the records of a backup, in the order of the file. */
export interface Reader {
  manifest?(manifest: Manifest): void;
  /** If it returns a promise, the next record waits for it, so that memory stays bounded. */
  item?(item: Item, line: string): unknown;
}

/**
 * Reads a backup to its end. Fails with `WrongKey`, `Damaged` or `Newer`, or with what the reader
 * throws.
 */
export async function readBackup(file: Blob, key: Key, reader: Reader = {}): Promise<Whole> {
  const opened = await open(file, key);
  // The library's types of streams are wider than those of the page.
  const gzip = new DecompressionStream("gzip") as unknown as ReadableWritablePair<Uint8Array, Uint8Array>;
  const bytes = new Bytes(opened.pipeThrough(gzip));
  try {
    return await new Archive(reader).read(bytes, key);
  } finally {
    await bytes.cancel();
  }
}

class Archive {
  readonly #reader: Reader;
  readonly #digest = new Digest(sha256);
  readonly #counts: Counts = { messages: 0, notices: 0, outcomes: 0, cells: 0 };
  /** The SHA-256 of each file. */
  readonly #hashes = new Map<string, string>();
  readonly #unknown: string[] = [];
  #manifest: Manifest | undefined;
  #sums: Uint8Array | undefined;
  #mac: string | undefined;

  constructor(reader: Reader) {
    this.#reader = reader;
  }

  async read(bytes: Bytes, key: Key): Promise<Whole> {
    for await (const entry of entries(bytes)) {
      this.#admit(entry.name);
      await this.#entry(entry);
    }
    if (this.#sums === undefined || this.#manifest === undefined) {
      throw new Damaged("the list of sums is missing");
    }
    this.#compareSums(this.#sums);
    compare(this.#manifest, this.#counts, this.#digest);
    return {
      manifest: this.#manifest,
      digest: this.#digest.hex(),
      isVouched: isVouched(key, this.#sums, this.#mac),
      unknown: this.#unknown,
    };
  }

  /** Checks that a file may stand here: no name twice, the manifest first, and the sums last. */
  #admit(name: string): void {
    if (this.#mac !== undefined || (this.#sums !== undefined && name !== MAC)) {
      throw new Damaged("files follow the list of sums");
    }
    if (this.#hashes.has(name)) {
      throw new Damaged("a file is there twice");
    }
    if ((this.#hashes.size === 0) !== (name === MANIFEST)) {
      throw new Damaged("the manifest has to come first");
    }
  }

  async #entry(entry: Entry): Promise<void> {
    const { name } = entry;
    if (name === SUMS) {
      this.#sums = await small(entry, SUMS_MAX);
      return;
    }
    if (name === MAC) {
      this.#mac = text(await small(entry, MAC_MAX));
      return;
    }
    const section = sectionOf(name);
    if (name === MANIFEST) {
      const json = await small(entry, MANIFEST_MAX);
      this.#manifest = manifestOf(text(json));
      this.#reader.manifest?.(this.#manifest);
      this.#hashes.set(name, hex(sha256(json)));
    } else if (section !== undefined) {
      this.#hashes.set(name, await lines(entry, (line) => this.#line(section, line)));
    } else {
      if (entry.size > UNKNOWN_MAX) {
        throw new Damaged("a file is too large");
      }
      if (name !== README) {
        this.#unknown.push(name);
      }
      const hash = sha256.create();
      for await (const some of entry.content) {
        hash.update(some);
      }
      this.#hashes.set(name, hex(hash.digest()));
    }
  }

  #line(section: Section, line: string): unknown {
    const item = read(section, line);
    this.#counts[section] += 1;
    addTo(this.#digest, item);
    return this.#reader.item?.(item, line);
  }

  #compareSums(sums: Uint8Array): void {
    const listed = text(sums)
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => line.split("  ") as [string, string]);
    const names = new Set(listed.map(([, name]) => name));
    const isSame = listed.length === this.#hashes.size && names.size === this.#hashes.size;
    if (!isSame || listed.some(([sum, name]) => this.#hashes.get(name) !== sum)) {
      throw new Damaged("the files are not those in the list of sums");
    }
  }
}

function read(section: Section, line: string): Item {
  try {
    return itemOf(section, line);
  } catch (error) {
    if (error instanceof Error && error.name === "BadRecord") {
      throw new Damaged(`a line of ${section} cannot be read: ${error.message}`);
    }
    throw error;
  }
}

async function small({ size, content }: Entry, most: number): Promise<Uint8Array> {
  if (size > most) {
    throw new Damaged("a file is too large");
  }
  const out = new Uint8Array(size);
  let at = 0;
  for await (const some of content) {
    out.set(some, at);
    at += some.length;
  }
  return out;
}

/** Hands over each line, and returns the hash of them all, as hex. */
async function lines({ content }: Entry, take: (line: string) => unknown): Promise<string> {
  const hash = sha256.create();
  let parts: Uint8Array[] = [];
  let length = 0;
  for await (const some of content) {
    hash.update(some);
    for (let begin = 0; begin < some.length; ) {
      const end = some.indexOf(0x0a, begin);
      const part = some.subarray(begin, end < 0 ? some.length : end);
      length += part.length;
      if (length >= LINE_MAX) {
        throw new Damaged("a line is too long");
      }
      // The stream may use its buffer again.
      parts.push(part.slice());
      begin += part.length + 1;
      if (end >= 0) {
        const taken = take(text(joined(parts, length)));
        if (taken instanceof Promise) {
          await taken;
        }
        parts = [];
        length = 0;
      }
    }
  }
  if (length > 0) {
    throw new Damaged("a line has no end");
  }
  return hex(hash.digest());
}

function joined(parts: Uint8Array[], length: number): Uint8Array {
  const out = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

function text(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new Damaged("a file is no text");
  }
}
