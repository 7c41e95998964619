/** What is stored in this browser: its size, its protection, and backups of it. */
import { signal } from "@preact/signals";
import { Damaged } from "../backup/bytes.ts";
import { identitiesOf, type Key, WrongKey } from "../backup/key.ts";
import { Newer } from "../backup/manifest.ts";
import { readBackup } from "../backup/reader.ts";
import { type Lock, writeBackup } from "../backup/writer.ts";
import type { Id } from "../core/id.ts";
import type { Item } from "../core/item.ts";
import { setMeta } from "../db/meta.ts";
import { isQuota } from "../db/schema.ts";
import { IMPORTED, importOutcomes, importSome } from "./backup-import.ts";
import { backupItems, recordKeys } from "./backup-source.ts";
import type { Env, Home } from "./env.ts";
import type { Mirror } from "./mirror.ts";
import type { History } from "./model.ts";
import { problem } from "./problems.ts";

/** After this time without a backup the user is reminded. */
const REMIND_AFTER = 30 * 24 * 60 * 60 * 1_000;
/** A passphrase has 28 of these 32 characters, which is 140 bits. None looks like another one. */
const CHARACTERS = "abcdefghijkmnpqrstuvwxyz23456789";
const LENGTH = 28;

type Status = History["status"]["value"];

export function history(env: Env, mirror: Mirror): History {
  const status = signal<Status>({
    bytes: 0,
    quota: 0,
    messages: 0,
    protection: "not_asked",
    isReminderDue: false,
  });
  let hasAsked = false;
  const refresh = async () => {
    const [{ usage, quota }, isPersisted] = await Promise.all([
      env.storage.estimate(),
      env.storage.isPersisted(),
    ]);
    const { exportedAt, since } = mirror.meta.peek();
    const messages = [...mirror.rooms.peek().values()].reduce((sum, room) => sum + room.messages, 0);
    const from = exportedAt ?? since ?? env.now();
    const unprotected = env.storage.isEphemeral() ? "ios_not_installed" : hasAsked ? "refused" : "not_asked";
    const next: Status = {
      bytes: usage,
      quota,
      messages,
      protection: isPersisted ? "protected" : unprotected,
      isReminderDue: messages > 0 && env.now() - from > REMIND_AFTER,
    };
    status.value = exportedAt === undefined ? next : { ...next, lastExportAt: exportedAt };
  };
  return {
    status,
    refresh,
    async protect() {
      hasAsked = true;
      const isKept = await env.storage.persist();
      await refresh();
      return isKept;
    },
    async exportTo(lock, put, progress, signal) {
      const home = mirror.home.peek();
      if (home === undefined) {
        return { ok: false, problem: problem("unauthorized") };
      }
      try {
        await writeAll(env, home, lock, put, progress, signal);
      } catch (error) {
        return { ok: false, problem: problemOfBackup(error) };
      }
      await setMeta(home.db, "exportedAt", env.now());
      await mirror.changed("meta");
      await refresh();
      return { ok: true, value: { name: fileName(home.username, env.now()) } };
    },
    async importFrom(file, key, progress, signal) {
      const home = mirror.home.peek();
      if (home === undefined) {
        return { ok: false, problem: problem("unauthorized") };
      }
      try {
        const added = await readAll(env, home, file, key, progress, signal);
        await mirror.reread();
        return added === undefined
          ? { ok: false, problem: problem("not_vouched") }
          : { ok: true, value: { added } };
      } catch (error) {
        // What is united already stays: the next import goes on from there.
        await mirror.reread();
        return { ok: false, problem: problemOfBackup(error) };
      }
    },
    newPassphrase() {
      const text = Array.from(env.random(LENGTH), (byte) => CHARACTERS[byte % CHARACTERS.length]).join("");
      return (text.match(/.{4}/g) ?? []).join("-");
    },
  };
}

async function writeAll(
  env: Env,
  home: Home,
  lock: Parameters<History["exportTo"]>[0],
  put: (part: Uint8Array) => Promise<void>,
  progress: (done: number) => void,
  signal: AbortSignal,
): Promise<void> {
  const keys = await recordKeys(home.db);
  let count = 0;
  async function* source(): AsyncGenerator<Item> {
    for await (const item of backupItems(home.db, home.user, keys)) {
      signal.throwIfAborted();
      count += 1;
      // The records are read twice. Others than messages are few.
      progress(Math.min(1, count / (2 * keys.length + 1)));
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
    holes: 0,
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
async function readAll(
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
  const total = Object.values(whole.manifest.counts).reduce((sum, count) => sum + count, 1);
  let [done, added] = [0, 0];
  let some: Item[] = [];
  const outcomes: Item[] = [];
  const rooms = new Map<Id, Id>();
  const store = async () => {
    signal.throwIfAborted();
    const items = some;
    some = [];
    added += await importSome(home.db, home.user, items, env.now());
    done += items.length;
    progress(Math.min(1, done / total));
  };
  await readBackup(file, key, {
    item: async (item) => {
      if (item.section === "outcomes") {
        outcomes.push(item);
        return;
      }
      if (item.section === "messages" && item.record.user === home.user) {
        rooms.set(item.record.id, (JSON.parse(item.record.line) as { room: Id }).room);
      }
      some.push(item);
      if (some.length >= IMPORTED) {
        await store();
      }
    },
  });
  await store();
  for (let at = 0; at < outcomes.length; at += IMPORTED) {
    await importOutcomes(home.db, home.user, outcomes.slice(at, at + IMPORTED), rooms, env.now());
  }
  progress(1);
  return added;
}

class OtherAccount extends Error {}

function problemOfBackup(error: unknown) {
  if (error instanceof OtherAccount) {
    return problem("other_account");
  }
  if (error instanceof WrongKey) {
    return problem("wrong_key");
  }
  if (error instanceof Damaged || error instanceof Newer) {
    return problem("damaged_backup");
  }
  if (isQuota(error)) {
    return problem("storage_full");
  }
  return problem(error instanceof Error && error.name === "AbortError" ? "cancelled" : "damaged_backup");
}

/** Returns the name of a backup. It has no character that a file system gives a meaning. */
export function fileName(username: string, now: number): string {
  const name = username.toLowerCase().replace(/[^a-z0-9._-]/g, "");
  const at = new Date(now)
    .toISOString()
    .replace(/[-:]|\.\d+/g, "")
    .toLowerCase();
  return `ferry-${name}-${at}.tar.gz.age`;
}
