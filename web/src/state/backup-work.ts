/** Writes and reads backups. The page loads it when somebody asks for one. */
import { Damaged } from "../backup/bytes.ts";
import { identitiesOf, type Key, WrongKey } from "../backup/key.ts";
import { Newer } from "../backup/manifest.ts";
import { readBackup } from "../backup/reader.ts";
import { BadRecipient, Changed, type Lock, writeBackup } from "../backup/writer.ts";
import type { Item } from "../core/item.ts";
import { getMeta } from "../db/meta.ts";
import { isQuota } from "../db/schema.ts";
import type { Problem } from "./answer.ts";
import { Restore } from "./backup-restore.ts";
import { backupItems, snapshot } from "./backup-source.ts";
import type { Env, Home } from "./env.ts";
import type { History } from "./model.ts";
import { problem } from "./problems.ts";

export async function writeAll(
  env: Env,
  home: Home,
  lock: Parameters<History["exportTo"]>[0],
  put: (part: Uint8Array) => Promise<void>,
  progress: (done: number) => void,
  signal: AbortSignal,
): Promise<void> {
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
    lock: lock satisfies Lock,
    app: `ferry-web/${env.version}`,
    server: env.server,
    user: home.user,
    device: home.device,
    now: env.now(),
    holes: (await getMeta(home.db, "coverage"))?.holes.length ?? 0,
    whole: [],
  };
  const reader = (await writeBackup(plan, source)).getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    signal.throwIfAborted();
    await put(part.value);
  }
  progress(1);
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
  return await new Restore(env, home, file, key).run(whole.manifest, progress, signal);
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
