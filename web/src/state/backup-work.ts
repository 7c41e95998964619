/** Writes and reads backups. The page loads it when somebody asks for one. */
import { Damaged } from "../backup/bytes.ts";
import { identitiesOf, type Key, WrongKey } from "../backup/key.ts";
import { Newer } from "../backup/manifest.ts";
import { readBackup } from "../backup/reader.ts";
import { BadRecipient, Changed, type Lock, writeBackup } from "../backup/writer.ts";
import type { Item } from "../core/item.ts";
import { noteCovered } from "../db/connected.ts";
import { isQuota } from "../db/schema.ts";
import type { Problem } from "./answer.ts";
import { Restore } from "./backup-restore.ts";
import { backupItems, snapshot } from "./backup-source.ts";
import type { Env, Home } from "./env.ts";
import type { History } from "./model.ts";
import { problem } from "./problems.ts";

/** How often a backup is begun anew, because something was deleted while it was written. */
const ATTEMPTS = 5;

export async function writeAll(
  env: Env,
  home: Home,
  lock: Parameters<History["exportTo"]>[0],
  put: (part: Uint8Array) => Promise<void>,
  progress: (done: number) => void,
  signal: AbortSignal,
): Promise<void> {
  const parts = (await wholeFile(env, home, lock, progress, signal)).stream().getReader();
  for (let part = await parts.read(); !part.done; part = await parts.read()) {
    signal.throwIfAborted();
    await put(part.value);
  }
  progress(1);
}

/** Returns a backup of one moment. Nobody gets any of it before it is whole. */
async function wholeFile(
  env: Env,
  home: Home,
  lock: Lock,
  progress: (done: number) => void,
  signal: AbortSignal,
): Promise<Blob> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await fileOf(env, home, lock, progress, signal);
    } catch (error) {
      if (!(error instanceof Changed) || attempt === ATTEMPTS) {
        throw error;
      }
    }
  }
}

async function fileOf(
  env: Env,
  home: Home,
  lock: Lock,
  progress: (done: number) => void,
  signal: AbortSignal,
): Promise<Blob> {
  const begun = await snapshot(home.db);
  let count = 0;
  async function* source(): AsyncGenerator<Item> {
    for await (const item of backupItems(home.db, home.user, begun)) {
      signal.throwIfAborted();
      count += 1;
      // The records are read twice. Others than messages are few.
      progress(Math.min(1, count / (2 * begun.messages + 1)));
      yield item;
    }
  }
  const plan = {
    lock,
    app: `ferry-web/${env.version}`,
    server: env.server,
    user: home.user,
    device: home.device,
    now: env.now(),
    holes: begun.holes,
    whole: begun.whole(env.now()),
  };
  const parts: Blob[] = [];
  const reader = (await writeBackup(plan, source)).getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    signal.throwIfAborted();
    // A browser may keep a blob on the disk.
    parts.push(new Blob([part.value as BlobPart]));
  }
  return new Blob(parts);
}

/** Returns how many messages are new, or `undefined` if the user has to be asked first. */
export async function readAll(
  env: Env,
  home: Home,
  file: Blob,
  given: Parameters<History["importFrom"]>[1],
  progress: (done: number) => void,
  signal: AbortSignal,
): Promise<number | undefined> {
  const key: Key = "passphrase" in given ? given : { identities: identitiesOf(given.identity) };
  // Nothing is stored before the file is read to its end: its last byte may prove it damaged.
  const whole = await readBackup(file, key, {
    manifest: ({ user }) => {
      if (user !== home.user) {
        throw new OtherAccount();
      }
    },
    item: () => signal.throwIfAborted(),
  });
  if (!whole.isVouched && given.isTrusted !== true) {
    return undefined;
  }
  const added = await new Restore(env, home, file, key).run(whole.manifest, progress, signal);
  await noteCovered(home.db, home.device, whole.manifest.whole, env.now());
  return added;
}

class OtherAccount extends Error {}

export function problemOfBackup(error: unknown): Problem {
  if (error instanceof OtherAccount) {
    return problem("other_account");
  }
  if (error instanceof WrongKey) {
    return problem("wrong_key");
  }
  if (error instanceof BadRecipient) {
    return problem("bad_recipient");
  }
  if (error instanceof Damaged || error instanceof Newer) {
    return problem("damaged_backup");
  }
  if (error instanceof Changed) {
    return problem("backup_changed");
  }
  if (isQuota(error)) {
    return problem("storage_full");
  }
  return problem(error instanceof Error && error.name === "AbortError" ? "cancelled" : "damaged_backup");
}
