/**
 * Who uses this browser. It is apart from the stores of the users, because it says which one to
 * open. It has no token: these are cookies that no script sees. All tabs share the cookies, so
 * there is one login, and this says whose it is.
 */
import { type DBSchema, type IDBPDatabase, openDB } from "idb";
import type { Id } from "../core/id.ts";
import { isClosed } from "./schema.ts";

export interface AccountRow {
  user: Id;
  username: string;
  device: Id;
  /** The user says that others use this browser too. */
  isShared: boolean;
  /** The account was made here, so no other device has a history of it. */
  isNew?: boolean;
  /** A login was begun, and nobody knows how it ended: the cookies may be of another one. */
  isUnsure?: true;
  /** The user logs out in this browser: an end that is heard meanwhile is no surprise. */
  isLeaving?: true;
  /** Why the login has ended, if it has. The history is kept until the user erases it. */
  ended?: "logout" | "elsewhere" | "expired" | "new_password" | "account_deleted";
}

/** One login. */
export type Login = Pick<AccountRow, "user" | "device">;

interface AccountSchema extends DBSchema {
  account: { key: "current"; value: AccountRow };
}

type AccountDb = IDBPDatabase<AccountSchema>;

/** The part of `navigator.locks` that is used. */
export interface LoginLocks {
  request(name: string, options: object, work: () => Promise<void>): Promise<unknown>;
}

const NAME = "ferry";
/** Who logs in holds it until the cookies and the row are of the same login. */
export const LOGIN_LOCK = "ferry-login";

/** Returns whether a row is of this login. */
export function isOf(row: Login | undefined, { user, device }: Login): boolean {
  return row?.user === user && row.device === device;
}

export class Accounts {
  #db: Promise<AccountDb> | undefined;

  /** Returns who uses this browser. */
  async current(): Promise<AccountRow | undefined> {
    return await this.#with((db) => db.get("account", "current"));
  }

  /** Notes who uses this browser; `undefined` forgets it. */
  async put(row: AccountRow | undefined): Promise<void> {
    await this.#change(() => row);
  }

  /** Notes who uses this browser, unless it is known. Returns who it is. */
  async fill(row: AccountRow): Promise<AccountRow | undefined> {
    return await this.#change((known) => known ?? row);
  }

  /**
   * Changes the row of a login, and returns what is there then. If somebody else has logged in
   * meanwhile, nothing changes.
   */
  async change(
    login: Login,
    change: (row: AccountRow) => AccountRow | undefined,
  ): Promise<AccountRow | undefined> {
    return await this.#change((row) => (row !== undefined && isOf(row, login) ? change(row) : row));
  }

  /**
   * Returns whether the cookies of this browser are still those of a login. A call that another
   * login answered must not be believed, so ask before and after it. Waits for a login that is
   * under way.
   */
  async holds(login: Login, locks: LoginLocks): Promise<boolean> {
    let row: AccountRow | undefined;
    try {
      await locks.request(LOGIN_LOCK, { mode: "shared" }, async () => {
        row = await this.current();
      });
    } catch {
      // The store is closed or gone: nobody knows whose cookies these are.
    }
    return isOf(row, login) && row?.isUnsure !== true;
  }

  async close(): Promise<void> {
    const db = this.#db;
    this.#db = undefined;
    (await db?.catch(() => undefined))?.close();
  }

  async #change(
    change: (row: AccountRow | undefined) => AccountRow | undefined,
  ): Promise<AccountRow | undefined> {
    return await this.#with(async (db) => {
      const tx = db.transaction("account", "readwrite", { durability: "strict" });
      const work = async () => {
        const row = change(await tx.store.get("current"));
        await (row === undefined ? tx.store.delete("current") : tx.store.put(row, "current"));
        return row;
      };
      const [row] = await Promise.all([work(), tx.done]);
      return row;
    });
  }

  async #with<T>(work: (db: AccountDb) => Promise<T>): Promise<T> {
    const opened = this.#open();
    try {
      return await work(await opened);
    } catch (error) {
      // The browser may have closed it by itself, and not have said so yet.
      if (!isClosed(error)) {
        throw error;
      }
      if (this.#db === opened) {
        this.#db = undefined;
      }
      return await work(await this.#open());
    }
  }

  #open(): Promise<AccountDb> {
    const forget = () => {
      this.#db = undefined;
    };
    if (this.#db === undefined) {
      const opened = openDB<AccountSchema>(NAME, 1, {
        upgrade(db) {
          db.createObjectStore("account");
        },
        blocking(_current, _blocked, event) {
          (event.target as IDBDatabase).close();
          forget();
        },
        // The browser has deleted or closed it. The next call opens it again.
        terminated: forget,
      });
      opened.catch(forget);
      this.#db = opened;
    }
    return this.#db;
  }
}
