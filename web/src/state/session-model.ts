/** The login and the account, as their screens see them. */
import type { ReadonlySignal } from "@preact/signals";
import type { Id } from "../core/id.ts";
import type { Answer } from "./answer.ts";

/** Who is logged in, and what stands in the way of it. */
export interface Session {
  phase: ReadonlySignal<Phase>;
  me: ReadonlySignal<Me | undefined>;
  devices: ReadonlySignal<Device[]>;
  register(form: { username: string; password: string; displayName?: string }): Answer;
  login(form: {
    username: string;
    password: string;
    code?: string;
    isShared: boolean;
    /** The device whose place this login takes, with all that waits for it. */
    replaces?: Id;
  }): Answer<{ isEmpty: boolean }>;
  /** Ends the login. `delete` removes the history from this browser. */
  logout(history: "keep" | "delete"): Answer;
  loadDevices(): Answer;
  /** Without a proof, the problem is `problem.password_needed` if the last one is too old. */
  logOutDevice(device: Id, proof?: Proof): Answer;
  renameDevice(device: Id, name: string): Answer;
  changePassword(proof: Proof, after: string): Answer;
  /** What is left out stays, and the empty text takes it away. */
  changeProfile(profile: { [field in ProfileField]?: string }): Answer;
  changePrivacy(privacy: Partial<Privacy>): Answer;
  deleteAccount(proof: Proof): Answer;
  /** Erases what a login that ended elsewhere has left here. */
  erase(): Promise<void>;
  secondFactor: SecondFactor;
}

/**
 * What proves that it is the user who asks. If the account has a second factor and there is no
 * code, the problem is `problem.code_needed`. A problem names the field that it is about.
 */
export interface Proof {
  password: string;
  code?: string;
}

/** Codes of an app that a login needs beside the password. */
export interface SecondFactor {
  /** `undefined` until it is known. */
  status: ReadonlySignal<{ isOn: false } | { isOn: true; since?: number; codesLeft: number } | undefined>;
  load(): Answer;
  /** Returns the secret for an app. Nothing is on before a code confirms it. */
  start(password: string): Answer<{ secret: string; uri: string }>;
  /** Returns the recovery codes, which are not shown again. */
  confirm(code: string): Answer<string[]>;
  end(proof: Proof): Answer;
}

export type LoggedOutWhy = "elsewhere" | "expired" | "new_password" | "account_deleted" | "another_user";

export type Phase =
  /** `isAgain` says that the page was in use before, and waits for its store. */
  | { is: "starting"; isAgain?: true }
  /** The page cannot work: no secure context, no storage, or two that fight for one device. */
  | { is: "blocked"; why: "insecure" | "storage" | "full" | "cookies" | "used_twice" }
  | { is: "signed_out"; lastUsername?: string }
  /** The login ended: the history is kept and hidden. */
  | { is: "logged_out"; username: string; why: LoggedOutWhy }
  /**
   * `isErased` says that the browser has deleted what was stored here, and `hasUpdate` that a
   * newer version of the page is there.
   */
  | { is: "signed_in"; isEmptyDevice: boolean; isErased?: true; hasUpdate?: true }
  /** This page is too old for the store or the relay. Only a newer one can go on. */
  | { is: "reload" };

export interface Me {
  id: Id;
  username: string;
  displayName?: string;
  /** What the user says of themselves, in several lines. */
  about?: string;
  /** Where a picture of the user is. No screen loads it: its server would learn who looks. */
  avatar?: string;
  email?: string;
  device: Id;
  privacy: Privacy;
  /** Others use this computer too, as the user said at the login. */
  isShared: boolean;
}

export type ProfileField = "displayName" | "about" | "avatar" | "email";

export interface Privacy {
  direct: "anybody" | "friends";
  add: "anybody" | "friends";
  lastSeen: boolean;
  readReceipts: boolean;
  findable: boolean;
}

export interface Device {
  id: Id;
  name: string;
  isCurrent: boolean;
  isOnline: boolean;
  address: string;
  createdAt: number;
  lastSeenAt: number;
}
