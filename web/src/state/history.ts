/** What is stored in this browser: its size, its protection, and backups of it. */
import { computed, effect, signal } from "@preact/signals";
import { quietly } from "../core/quietly.ts";
import { setMeta } from "../db/meta.ts";
import { type Missing, missingIn } from "../db/streams.ts";
import type { Env } from "./env.ts";
import { GapTimes } from "./gap-times.ts";
import type { Mirror } from "./mirror.ts";
import type { History, Hole } from "./model.ts";
import { personName, roomName } from "./names.ts";
import { problem } from "./problems.ts";

/** After this time without a backup the user is reminded. */
const REMIND_AFTER = 30 * 24 * 60 * 60 * 1_000;
/** A passphrase has 28 of these 32 characters, which is 140 bits. None looks like another one. */
const CHARACTERS = "abcdefghijkmnpqrstuvwxyz23456789";
const LENGTH = 28;

/** Few open the backups, and their cryptography is most of the code of a page. */
const backups = () => import("./backup-work.ts");

type Status = History["status"]["value"];

export function history(env: Env, mirror: Mirror): History {
  const status = signal<Status>({
    bytes: 0,
    quota: 0,
    messages: 0,
    protection: "not_asked",
    isReminderDue: false,
  });
  const gaps = signal<readonly Missing[]>([]);
  const gapTimes = new GapTimes(env);
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
    const home = mirror.home.peek();
    const all = home === undefined ? [] : await missingIn(home.db);
    gaps.value = gapTimes.due(all, mirror.meta.peek().drainedAt).missing;
  };
  // The list is of one login.
  effect(() => {
    if (mirror.home.value === undefined) {
      gaps.value = [];
    }
  });
  const protect = async () => {
    hasAsked = true;
    const isKept = await env.storage.persist();
    await refresh();
    return isKept;
  };
  // With the first message that the user writes, the browser is asked to keep what is stored.
  effect(() => {
    if (mirror.outbox.value.length > 0 && !hasAsked) {
      hasAsked = true;
      quietly(env.storage.isPersisted().then((isKept) => (isKept ? true : protect())));
    }
  });
  return {
    holes: computed(() => holesOf(mirror, gaps.value)),
    status,
    refresh,
    protect,
    async exportTo(lock, put, progress, signal) {
      const home = mirror.home.peek();
      if (home === undefined) {
        return { ok: false, problem: problem("unauthorized") };
      }
      const work = await backups().catch(() => undefined);
      if (work === undefined) {
        return { ok: false, problem: problem("unreachable") };
      }
      const { writeAll, problemOfBackup } = work;
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
      const work = await backups().catch(() => undefined);
      if (work === undefined) {
        return { ok: false, problem: problem("unreachable") };
      }
      const { readAll, problemOfBackup } = work;
      try {
        const added = await readAll(env, home, file, key, progress, signal);
        await mirror.changed("rooms", "people", "notices");
        await mirror.reread();
        await refresh();
        return added === undefined
          ? { ok: false, problem: problem("not_vouched") }
          : { ok: true, value: { added } };
      } catch (error) {
        // What is united already stays: the next import goes on from there.
        await mirror.changed("rooms", "people", "notices");
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

/** What is missing of one sender, and the times of which nothing is known; the latest first. */
function holesOf({ meta, people, rooms }: Mirror, gaps: readonly Missing[]): Hole[] {
  const known = gaps.map(({ room, user, count, since, until }): Hole => {
    const row = rooms.value.get(room);
    const who = personName(people.value, user);
    const base = { since, until, who, count };
    return row === undefined ? base : { ...base, room: { id: room, name: roomName(row, people.value) } };
  });
  const unknown = (meta.value.coverage?.holes ?? []).map(({ since, until }): Hole => ({ since, until }));
  return [...known, ...unknown].sort((one, other) => other.until - one.until);
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
