/**
 * Who uses this browser. It is apart from the stores of the users, because it says which one to
 * open. It has no token: these are cookies that no script sees.
 */
import { type DBSchema, type IDBPDatabase, openDB } from "idb";
import type { Id } from "../core/id.ts";

export interface AccountRow {
  user: Id;
  username: string;
  device: Id;
  /** The user says that others use this browser too. */
  isShared: boolean;
  /** Why the login has ended, if it has. The history is kept until the user erases it. */
  ended?: "logout" | "elsewhere" | "expired" | "account_deleted";
}

interface AccountSchema extends DBSchema {
  account: { key: "current"; value: AccountRow };
}

export type AccountDb = IDBPDatabase<AccountSchema>;

const NAME = "ferry";

export async function openAccounts(): Promise<AccountDb> {
  return await openDB<AccountSchema>(NAME, 1, {
    upgrade(db) {
      db.createObjectStore("account");
    },
    blocking(_current, _blocked, event) {
      (event.target as IDBDatabase).close();
    },
  });
}

export async function account(db: AccountDb): Promise<AccountRow | undefined> {
  return await db.get("account", "current");
}

/** Notes who uses this browser; `undefined` forgets it. */
export async function putAccount(db: AccountDb, row: AccountRow | undefined): Promise<void> {
  const tx = db.transaction("account", "readwrite", { durability: "strict" });
  await Promise.all([row === undefined ? tx.store.delete("current") : tx.store.put(row, "current"), tx.done]);
}
