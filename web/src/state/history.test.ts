import "fake-indexeddb/auto";
import { generateX25519Identity, identityToRecipient } from "age-encryption";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { BOB, BOBS_DEVICE, idOf, ME, ROOM, text } from "../../test/fakes/ids.ts";
import { Browser, type Page } from "../../test/fakes/page.ts";
import { FakeRelay } from "../../test/fakes/relay.ts";
import { until } from "../../test/fakes/tab.ts";
import { ManualTime } from "../../test/fakes/time.ts";
import type { Manifest } from "../backup/manifest.ts";
import { readBackup } from "../backup/reader.ts";
import type { Coverage } from "../core/coverage.ts";
import { getMeta, setMeta } from "../db/meta.ts";
import { type Db, eraseDb, openDb } from "../db/schema.ts";
import { fileName } from "./history.ts";

let relay: FakeRelay;
let browser: Browser;
const key = { passphrase: "a long and winding road" };
/** A passphrase takes a second each time, and a key none. */
const identity = await generateX25519Identity();
const recipient = await identityToRecipient(identity);
const trusted = { identity, isTrusted: true };
const nothing = new AbortController().signal;

beforeEach(() => {
  // The ids of the tests say that their devices logged in before that.
  relay = new FakeRelay(new ManualTime(1_800_000_000_000));
  relay.addUser(ME, "me");
  relay.addUser(BOB, "bob");
  relay.addDevice(BOBS_DEVICE, BOB);
  relay.addRoom(ROOM, "group", { [ME]: "owner", [BOB]: "member" }, "trip");
  browser = new Browser(relay);
});
afterEach(async () => {
  await browser.end();
});

async function loggedIn(): Promise<Page> {
  const page = await browser.page();
  await page.app.session.login({ username: "me", password: "correct horse", isShared: false });
  await until(() => page.app.connection.state.value.is === "online" && page.app.rooms.list.value.length > 0);
  return page;
}

async function exported(page: Page, lock: typeof key | { recipient: string } = key): Promise<Blob> {
  const parts: BlobPart[] = [];
  const put = async (part: Uint8Array) => void parts.push(part.slice() as BlobPart);
  const answer = await page.app.history.exportTo(lock, put, () => undefined, nothing);
  expect(answer).toMatchObject({ ok: true });
  return new Blob(parts);
}

async function manifestOf(file: Blob): Promise<Manifest> {
  return (await readBackup(file, { identities: [identity] }, { item: () => undefined })).manifest;
}

async function coverage(): Promise<Coverage | undefined> {
  const db: Db = await openDb(ME, { onOutdated: () => undefined });
  const its = await getMeta(db, "coverage");
  db.close();
  return its;
}

/** What is stored of messages, without what only this device knows. */
async function contents(): Promise<string> {
  const db: Db = await openDb(ME, { onOutdated: () => undefined });
  const [records, rows] = await Promise.all([db.getAll("records"), db.getAll("messages")]);
  db.close();
  const slots = rows.map(({ id, user, slot, ledger }) => ({ id, user, slot, outcomes: ledger?.outcomes }));
  // Which batch brought it is not the same after an import.
  return JSON.stringify({ records, slots }).replace(/,?"n":\d+/g, "");
}

describe("the history", () => {
  it("50: a backup says from which times it has everything, and closes the holes of who imports it", async () => {
    const page = await loggedIn();
    relay.publish(text(1, "one"));
    relay.publish(text(3, "three"));
    await until(() => relay.acked.length === 2);
    await browser.time.advance(60_000);
    relay.dropAll(1006);
    await browser.time.advance(5_000);
    await until(() => page.app.connection.state.value.is === "online");
    const file = await exported(page, { recipient });
    const { whole, holes } = await manifestOf(file);
    // A message of a sender has not come.
    expect(holes).toBe(1);
    const login = (await coverage())?.began ?? 0;
    expect(whole.at(-1)?.[1]).toBe((await coverage())?.drained);
    expect(whole[0]?.[0]).toBe(login);

    // The relay began anew meanwhile, and this device has lost something that the backup has.
    const hole = { since: login + 1, until: (whole.at(-1)?.[1] ?? 0) - 1 };
    const db: Db = await openDb(ME, { onOutdated: () => undefined });
    await setMeta(db, "coverage", { ...((await getMeta(db, "coverage")) as Coverage), holes: [hole] });
    db.close();
    expect(await page.app.history.importFrom(file, trusted, () => undefined, nothing)).toMatchObject({
      ok: true,
    });
    await until(() => page.app.history.holes.value.length === 0);
  });

  it("50: what is deleted while a backup is written begins it anew, and the backup is whole", async () => {
    const page = await loggedIn();
    relay.publish(text(1, "one"));
    relay.publish(text(2, "two"));
    await until(() => relay.acked.length === 2);
    const db: Db = await openDb(ME, { onOutdated: () => undefined });
    const parts: BlobPart[] = [];
    let isOver = false;
    const answer = await page.app.history.exportTo(
      { recipient },
      async (part) => void parts.push(part.slice() as BlobPart),
      (done) => {
        // The records were read once.
        if (!isOver && done > 0.4) {
          isOver = true;
          void db.delete("records", [BOB, text(1, "one").from.device, text(1, "one").id]);
        }
      },
      nothing,
    );
    db.close();
    expect(answer).toMatchObject({ ok: true });
    expect((await manifestOf(new Blob(parts))).counts.messages).toBe(1);
  });

  it("50: goes into a backup and back, on an empty device, and a second import changes nothing", async () => {
    const page = await loggedIn();
    const first = text(1, "one");
    const target = { message: first.id, from: BOB };
    const gone = text(2, "gone");
    relay.publish(first);
    relay.publish(gone);
    relay.publish(text(3, { target, body: "one, edited" }, { kind: "edit" }));
    relay.publish(text(4, { target: { message: gone.id, from: BOB } }, { kind: "delete" }));
    const room = page.app.openRoom(ROOM);
    room.setDraft({ text: "mine", mentions: [] });
    await room.send();
    await until(() => relay.acked.length === 4 && page.app.connection.waiting.value === 0);
    const id = (JSON.parse(relay.sends[0] ?? "{}") as { id: string }).id;
    relay.receipt(ME, {
      kind: "delivered",
      room: ROOM,
      to: [{ user: BOB, device: BOBS_DEVICE, messages: [id] }],
    });
    await until(async () => (await contents()).includes('"what":"delivered"'));
    room.close();
    const before = await contents();
    const file = await exported(page);
    const whole = await readBackup(file, key);
    expect(whole.manifest.counts).toMatchObject({ messages: 5, outcomes: 1 });
    await page.app.session.logout("delete");
    await eraseDb(ME);
    expect(
      await page.app.session.login({ username: "me", password: "correct horse", isShared: false }),
    ).toEqual({
      ok: true,
      value: { isEmpty: true },
    });
    const done: number[] = [];
    const answer = await page.app.history.importFrom(file, key, (part) => done.push(part), nothing);
    expect(answer).toEqual({ ok: true, value: { added: 5 } });
    expect(done.at(-1)).toBe(1);
    expect(await contents()).toBe(before);
    const [listed] = page.app.rooms.list.value;
    expect(listed).toMatchObject({ name: "trip", unread: 0 });
    const again = await page.app.history.importFrom(file, key, () => undefined, nothing);
    expect(again).toEqual({ ok: true, value: { added: 0 } });
    expect(await contents()).toBe(before);
  });

  it("36: what an import brings has pages for the search, also if nothing else comes", async () => {
    const page = await loggedIn();
    relay.publish(text(1, "the lighthouse"));
    await until(() => relay.acked.length === 1);
    const file = await exported(page);
    await page.app.session.logout("delete");
    await eraseDb(ME);
    await loggedIn();
    // The pages that are written after a connect are written.
    await browser.time.advance(3_000);
    const [, again] = browser.pages;
    expect(await again?.app.history.importFrom(file, key, () => undefined, nothing)).toMatchObject({
      ok: true,
    });
    const db: Db = await openDb(ME, { onOutdated: () => undefined });
    await until(async () => {
      await browser.time.advance(2_100);
      return (await db.count("text")) === 1;
    });
    db.close();
  });

  it("of a wrong key, a damaged file and another user says so and stores nothing", async () => {
    const page = await loggedIn();
    relay.publish(text(1, "one"));
    await until(() => relay.acked.length === 1);
    const file = await exported(page);
    const wrong = await page.app.history.importFrom(
      file,
      { passphrase: "another road" },
      () => undefined,
      nothing,
    );
    expect(wrong).toMatchObject({ ok: false, problem: { key: "problem.wrong_key" } });
    const cut = file.slice(0, file.size - 40);
    const before = await contents();
    expect(await page.app.history.importFrom(cut, key, () => undefined, nothing)).toMatchObject({
      ok: false,
      problem: { key: "problem.damaged_backup" },
    });
    expect(await contents()).toBe(before);
    await page.app.session.logout("keep");
    relay.addUser(idOf(3), "carol");
    await page.app.session.login({ username: "carol", password: "correct horse", isShared: false });
    expect(await page.app.history.importFrom(file, key, () => undefined, nothing)).toMatchObject({
      ok: false,
      problem: { key: "problem.other_account" },
    });
  });

  it("49: tells its size, and reminds of a backup once a month", async () => {
    const page = await loggedIn();
    relay.publish(text(1, "one"));
    await until(() => page.app.rooms.list.value.some(({ last }) => last !== undefined));
    await page.app.history.refresh();
    expect(page.app.history.status.value).toMatchObject({
      bytes: 1_000,
      messages: 1,
      protection: "not_asked",
      isReminderDue: false,
    });
    browser.time.ahead += 31 * 24 * 3_600_000;
    await page.app.history.refresh();
    expect(page.app.history.status.value.isReminderDue).toBe(true);
    await exported(page);
    expect(page.app.history.status.value.isReminderDue).toBe(false);
  });

  it("F11: tells before a login that nothing is protected, as in a private window", async () => {
    const { history, session } = (await browser.page()).app;
    expect(session.me.value).toBeUndefined();
    await history.refresh();
    expect(history.status.value).toMatchObject({ protection: "not_asked", messages: 0 });
  });

  it("18: lists what is missing of whom in all rooms, and no more once it is imported", async () => {
    const page = await loggedIn();
    const { history } = page.app;
    relay.publish(text(1, "a"));
    relay.publish(text(3, "c"));
    await until(() => relay.acked.length === 2);
    await history.refresh();
    expect(history.holes.value).toEqual([]);
    await browser.time.advance(11_000);
    await history.refresh();
    expect(history.holes.value).toEqual([
      {
        who: "bob",
        count: 1,
        room: { id: ROOM, name: "trip" },
        since: expect.any(Number),
        until: expect.any(Number),
      },
    ]);
    // Another device has it.
    relay.publish(text(2, "b"));
    await until(() => relay.acked.length === 3);
    const file = await exported(page, { recipient });
    await page.app.session.logout("delete");
    expect(history.holes.value).toEqual([]);
    // The next device lacks it again, and the backup does not.
    const again = await loggedIn();
    relay.publish(text(1, "a"));
    relay.publish(text(3, "c"));
    await until(() => relay.acked.length === 5);
    await browser.time.advance(11_000);
    await again.app.history.refresh();
    expect(again.app.history.holes.value.map(({ count }) => count)).toEqual([1]);
    expect(await again.app.history.importFrom(file, trusted, () => undefined, nothing)).toEqual({
      ok: true,
      value: { added: 1 },
    });
    expect(again.app.history.holes.value).toEqual([]);
    expect((await coverage())?.holes).toEqual([]);
    expect((await coverage())?.covered).toHaveLength(1);
    expect(again.app.history.status.value.messages).toBe(3);
  });

  it("has file names without surprises, and passphrases that differ", async () => {
    expect(fileName('../A"b.c', 1_700_000_000_000)).toBe("ferry-..ab.c-20231114t221320z.tar.gz.age");
    const page = await browser.page();
    const phrases = [page.app.history.newPassphrase(), page.app.history.newPassphrase()];
    expect(phrases[0]).toMatch(/^([a-z2-9]{4}-){6}[a-z2-9]{4}$/);
    expect(phrases[0]).not.toBe(phrases[1]);
  });
});
