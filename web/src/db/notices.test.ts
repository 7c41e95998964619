import "fake-indexeddb/auto";
import { afterEach, beforeEach, expect, it } from "vitest";
import { idOf, ME } from "../../test/fakes/ids.ts";
import { getMeta } from "./meta.ts";
import { NOTICES_KEPT, putNotice, readNotices, trimNotices } from "./notices.ts";
import { type Db, eraseDb, openDb, write } from "./schema.ts";

let db: Db;
beforeEach(async () => {
  db = await openDb(ME, { onOutdated: () => undefined });
});
afterEach(async () => {
  db.close();
  await eraseDb(ME);
});

it("34: forgotten notices are not unread for ever", async () => {
  await write(db, ["notices", "meta"], async (tx) => {
    for (let at = 0; at < NOTICES_KEPT + 50; at += 1) {
      const row = { id: idOf(at), at, kind: "settings_changed", fields: {}, line: "{}", isRead: false };
      await putNotice(tx, row);
    }
  });
  await trimNotices(db);
  expect(await db.count("notices")).toBe(NOTICES_KEPT);
  expect(await getMeta(db, "unreadNotices")).toBe(NOTICES_KEPT);
  await readNotices(db);
  expect(await getMeta(db, "unreadNotices")).toBe(0);
});
