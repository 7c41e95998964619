/** The ustar format, as far as a backup has it: plain files. */
import { type Bytes, Damaged } from "./bytes.ts";

const BLOCK = 512;
/** The most files of an archive. A real one has a few thousand. */
const ENTRIES_MAX = 100_000;
/** The most bytes of zeros after the end. `tar` fills up to 10 KiB. */
const PADDING_MAX = 64 << 10;

export interface Entry {
  name: string;
  size: number;
  /** The content. It must be read to its end before the next entry is asked for. */
  content: AsyncIterable<Uint8Array>;
}

/** Returns the entries of an archive, and checks that nothing but zeros follows them. */
export async function* entries(bytes: Bytes): AsyncGenerator<Entry> {
  for (let count = 0; ; count += 1) {
    const header = await bytes.exactly(BLOCK);
    if (header.every((byte) => byte === 0)) {
      return await padding(bytes);
    }
    if (count >= ENTRIES_MAX) {
      throw new Damaged("it has too many files");
    }
    const { name, size } = parse(header);
    let left = size;
    const content = (async function* () {
      while (left > 0) {
        const some = await bytes.some(left);
        if (some === undefined) {
          throw new Damaged("it is cut off");
        }
        left -= some.length;
        yield some;
      }
    })();
    yield { name, size, content };
    if (left > 0) {
      throw new Error("an entry was not read to its end");
    }
    await bytes.exactly((BLOCK - (size % BLOCK)) % BLOCK);
  }
}

/** Returns the header of a plain file. */
export function parse(header: Uint8Array): { name: string; size: number } {
  const sum = header.reduce((sum, byte, at) => sum + (at >= 148 && at < 156 ? 0x20 : byte), 0);
  if (octal(header.subarray(148, 156)) !== sum) {
    throw new Damaged("a header of the archive is wrong");
  }
  const kind = header[156];
  if (kind !== 0 && kind !== 0x30) {
    throw new Damaged("it has something else than plain files");
  }
  const [prefix, last] = [text(header.subarray(345, 500)), text(header.subarray(0, 100))];
  const name = prefix === "" ? last : `${prefix}/${last}`;
  if (!name.split("/").every((part) => /^[A-Za-z0-9_-][A-Za-z0-9._-]*$/.test(part))) {
    throw new Damaged("a file has a name that no backup has");
  }
  return { name, size: octal(header.subarray(124, 136)) };
}

/** The archive ends with two blocks of zeros, and more may follow. */
async function padding(bytes: Bytes): Promise<void> {
  let left = PADDING_MAX;
  for (let some = await bytes.some(left + 1); some !== undefined; some = await bytes.some(left + 1)) {
    left -= some.length;
    if (left < 0 || some.some((byte) => byte !== 0)) {
      throw new Damaged("something follows the archive");
    }
  }
}

function octal(field: Uint8Array): number {
  const digits = text(field).trim();
  if (!/^[0-7]{1,11}$/.test(digits)) {
    throw new Damaged("a header of the archive is wrong");
  }
  return Number.parseInt(digits, 8);
}

function text(field: Uint8Array): string {
  const end = field.indexOf(0);
  // Latin: every byte is a character, and names have only ASCII.
  return String.fromCharCode(...(end < 0 ? field : field.subarray(0, end)));
}

/** Returns the header of a plain file that only its owner may read. `mtime` is in seconds. */
export function header(name: string, size: number, mtime: number): Uint8Array {
  const out = new Uint8Array(BLOCK);
  const put = (at: number, text: string) => {
    out.set(new TextEncoder().encode(text), at);
  };
  const number = (value: number, digits: number) => value.toString(8).padStart(digits, "0");
  put(0, name);
  put(100, number(0o600, 7));
  put(108, number(0, 7));
  put(116, number(0, 7));
  put(124, number(size, 11));
  put(136, number(mtime, 11));
  put(148, " ".repeat(8));
  put(156, "0");
  put(257, "ustar\u000000");
  const sum = out.reduce((sum, byte) => sum + byte, 0);
  put(148, `${number(sum, 6)}\u0000 `);
  return out;
}

/** Returns the zeros that follow a content of this size, up to the next block. */
export function fill(size: number): Uint8Array {
  return new Uint8Array((BLOCK - (size % BLOCK)) % BLOCK);
}

/** Returns the end of an archive. */
export function end(): Uint8Array {
  return new Uint8Array(2 * BLOCK);
}
