/**
 * Writes a backup as a stream: `age(gzip(tar))`, as docs/backup.md describes it. The records are
 * read twice, because the manifest, which counts them, comes first.
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { Encrypter } from "age-encryption";
import { Digest, hex } from "../core/digest.ts";
import type { Id } from "../core/id.ts";
import { addTo, type Item } from "../core/item.ts";
import { type File, files } from "./files.ts";
import { vouch } from "./key.ts";
import type { Counts } from "./manifest.ts";
import { end, fill, header } from "./tar.ts";

/** How a backup is locked. */
export type Lock =
  | { passphrase: string }
  /** For the owner of a recovery key. Without `macKey` nothing vouches for the backup. */
  | { recipient: string; macKey?: Uint8Array };

/** The error for a text that is no public key of a recovery key. */
export class BadRecipient extends Error {
  constructor() {
    super("a public key is written age1 and 58 more characters");
    this.name = "BadRecipient";
  }
}

export interface Plan {
  lock: Lock;
  /** The program that writes, as `ferry-web/0.1.0`. */
  app: string;
  server: string;
  user: Id;
  device?: Id;
  /** Now, in milliseconds since the Unix epoch. */
  now: number;
  /** When the backup before it was written, if this one has only what came since. */
  since?: number;
  holes: number;
  /** The times from which it has everything. */
  whole: [number, number][];
}

/**
 * Returns the records, in the order of the files: rooms, people, cursors and other cells,
 * outcomes, notices by time, messages by time. It is called twice and must give the same.
 */
export type Source = () => AsyncIterable<Item> | Iterable<Item>;

/** The error for records that changed while they were read. */
export class Changed extends Error {
  constructor() {
    super("two readings of the records differ");
    this.name = "Changed";
  }
}

/** The work of a passphrase, as a power of two. */
const WORK = 18;

/** Writes a backup. The stream fails with `Changed` if the two readings of the records differ. */
export async function writeBackup(plan: Plan, source: Source): Promise<ReadableStream<Uint8Array>> {
  const encrypter = new Encrypter();
  if ("passphrase" in plan.lock) {
    encrypter.setPassphrase(plan.lock.passphrase);
    encrypter.setScryptWorkFactor(WORK);
  } else {
    addRecipient(encrypter, plan.lock.recipient);
  }
  // The library's types of streams are wider than those of the page.
  const gzip = new CompressionStream("gzip") as unknown as ReadableWritablePair<Uint8Array, Uint8Array>;
  return await encrypter.encrypt(streamOf(archive(plan, source)).pipeThrough(gzip));
}

/** Other kinds of keys are no part of the format: no reader of Ferry would open the backup. */
function addRecipient(encrypter: Encrypter, recipient: string): void {
  if (!/^age1[02-9ac-hj-np-z]{58}$/.test(recipient)) {
    throw new BadRecipient();
  }
  try {
    encrypter.addRecipient(recipient);
  } catch {
    // A letter is wrong: the checksum says so.
    throw new BadRecipient();
  }
}

/** Returns the bytes of the archive. */
async function* archive(plan: Plan, source: Source): AsyncGenerator<Uint8Array> {
  const utf8 = new TextEncoder();
  const mtime = Math.max(0, Math.floor(plan.now / 1_000));
  const expected = await survey(source);
  const sums: string[] = [];
  const entry = ({ name, content }: File) => [
    header(name, content.length, mtime),
    content,
    fill(content.length),
  ];
  const summed = (file: File) => {
    sums.push(`${hex(sha256(file.content))}  ${file.name}\n`);
    return entry(file);
  };
  yield* summed({ name: "manifest.json", content: utf8.encode(manifest(plan, expected)) });
  yield* summed({ name: "README.txt", content: utf8.encode(readme(plan.user)) });
  const again = emptySurvey();
  for await (const file of files(counted(source(), again))) {
    yield* summed(file);
  }
  // A record that came between the two readings would make a backup that no reader takes.
  if (!isSame(again, expected)) {
    throw new Changed();
  }
  const list = utf8.encode(sums.join(""));
  yield* entry({ name: "SHA256SUMS", content: list });
  if ("recipient" in plan.lock && plan.lock.macKey !== undefined) {
    yield* entry({ name: "SHA256SUMS.mac", content: utf8.encode(`${vouch(plan.lock.macKey, list)}\n`) });
  }
  yield end();
}

interface Survey {
  counts: Counts;
  digest: Digest;
  from?: bigint;
  to?: bigint;
}

async function survey(source: Source): Promise<Survey> {
  const survey = emptySurvey();
  for await (const item of counted(source(), survey)) {
    if (item.section === "messages") {
      const { sentAt } = item.record;
      survey.from = survey.from === undefined || sentAt < survey.from ? sentAt : survey.from;
      survey.to = survey.to === undefined || sentAt > survey.to ? sentAt : survey.to;
    }
  }
  return survey;
}

function emptySurvey(): Survey {
  return { counts: { messages: 0, notices: 0, outcomes: 0, cells: 0 }, digest: new Digest(sha256) };
}

async function* counted(items: AsyncIterable<Item> | Iterable<Item>, survey: Survey): AsyncGenerator<Item> {
  for await (const item of items) {
    survey.counts[item.section] += 1;
    addTo(survey.digest, item);
    yield item;
  }
}

function isSame(one: Survey, other: Survey): boolean {
  const sections = ["messages", "notices", "outcomes", "cells"] as const;
  return (
    one.digest.hex() === other.digest.hex() &&
    sections.every((section) => one.counts[section] === other.counts[section])
  );
}

function manifest(plan: Plan, { counts, digest, from, to }: Survey): string {
  const { app, server, user, device = null, now, since = null, holes, whole } = plan;
  const parts = [
    `"format":"ferry-backup","version":1,"features":[]`,
    `"app":${JSON.stringify(app)},"server":${JSON.stringify(server)}`,
    `"user":${JSON.stringify(user)},"device":${JSON.stringify(device)},"created_at":${now}`,
    // Times of a wrong clock have 64 bits, which JSON.stringify does not write.
    `"from":${from ?? null},"to":${to ?? null},"since":${since}`,
    `"counts":${JSON.stringify(counts)},"months":${JSON.stringify(Object.fromEntries(digest.months()))}`,
    `"digest":"${digest.hex()}","holes":${holes},"whole":${JSON.stringify(whole)}`,
  ];
  return `{${parts.join(",")}}`;
}

function readme(user: Id): string {
  return `This is a backup of the messages of the Ferry user ${user}.
It opens without Ferry. In the folder of this file:

    sha256sum -c SHA256SUMS
    jq -r 'select(.kind=="text") | [.sent_at,.from.user,.body] | @tsv' messages/*.jsonl

Each line of messages/ is one message as JSON. Times are milliseconds since 1970, UTC.
people.jsonl and rooms.jsonl say who has which id. A message with "ferry.deleted" was deleted.
To bring it back into Ferry: ferry backup restore FILE
The format is described in docs/backup.md of Ferry.
`;
}

function streamOf(pieces: AsyncGenerator<Uint8Array>): ReadableStream<Uint8Array> {
  return new ReadableStream({
    async pull(controller) {
      // A pull that brings nothing is the last one, so empty pieces are passed over.
      let next = await pieces.next();
      while (!next.done && next.value.length === 0) {
        next = await pieces.next();
      }
      if (next.done) {
        controller.close();
      } else {
        controller.enqueue(next.value);
      }
    },
    async cancel() {
      await pieces.return(undefined);
    },
  });
}
