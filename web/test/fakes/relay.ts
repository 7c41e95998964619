/** A relay in memory. It says what a real one says, as far as the client can see it. */
import type { Id } from "../../src/core/id.ts";
import type { Message, Role, RoomKind } from "../../src/core/message.ts";
import { assertFrame, type Direction, type Frame } from "./asyncapi.ts";
import { Connection } from "./connection.ts";
import { idOf } from "./ids.ts";
import type { ManualTime } from "./time.ts";

export interface Delivery {
  type: "message" | "notice" | "receipt";
  content: object;
  redelivered: boolean;
}

export interface FakeUser {
  id: Id;
  username: string;
  display_name?: string;
  about?: string;
  avatar?: string;
  email?: string;
  password: string;
  settings: Record<string, unknown>;
  /** A second factor: on, or set up and not confirmed yet. */
  hasCode?: true | "waits";
  /** The code that was used last: it does not count again. */
  usedCode?: string;
}

export interface FakeDevice {
  id: Id;
  user: Id;
  name: string;
  queue: Delivery[];
  connection: Connection | undefined;
  epoch: number;
  /** Which refresh token is the newest one. The one before is good until the newest was used. */
  refresh: number;
  isNewestUsed: boolean;
  /** Tokens of an earlier generation are revoked. */
  generation: number;
  isRevoked: boolean;
  /** When its user gave the password last. */
  provenAt: number;
}

export interface FakeRoom {
  id: Id;
  kind: RoomKind;
  name?: string;
  peers: Map<Id, Role>;
  hidden: Set<Id>;
  description?: string;
  bans: Map<Id, object>;
  invited: Map<Id, object>;
}

/** What a test does with a send in the place of the relay. */
export type OnSend = (frame: {
  id: Id;
  room: Id;
  kind: string;
  body: unknown;
}) => { error: Record<string, unknown> } | "die_before" | "die_after" | undefined;

export class FakeRelay {
  readonly time: ManualTime;
  readonly users = new Map<Id, FakeUser>();
  readonly devices = new Map<Id, FakeDevice>();
  readonly rooms = new Map<Id, FakeRoom>();
  /** No connection and no call reaches it. */
  isDown = false;
  ttl = 900_000;
  window = 64;
  frameLimit = 65_536;
  /** Since when no queue can have lost anything. */
  wholeSince = 0;
  onSend: OnSend = () => undefined;
  /** Returns true for a call that does not reach it, as `GET /v1/me`. */
  onCall: (call: string) => boolean = () => false;
  /** Every text of a `send` that came. */
  readonly sends: string[] = [];
  /** Every frame that came, by its type. */
  readonly frames: Frame[] = [];
  readonly acked: Message[] = [];
  /** Calls that came, as `GET /v1/me`. */
  readonly calls: string[] = [];
  devicesMax = 16;
  /** It takes nothing now, and says for how many seconds. */
  retryAfter: number | undefined;
  /** What was made with an `Idempotency-Key`, by user, call and key. */
  readonly keys = new Map<string, Id>();
  /** Answers and frames that the protocol does not have. A test with one fails at its end. */
  readonly faults: string[] = [];
  /** It sends what only a later version has, which no description of today knows. */
  isLater = false;
  #last = 0x100000;

  constructor(time: ManualTime) {
    this.time = time;
  }

  id(): Id {
    this.#last += 1;
    return idOf(this.#last);
  }

  addUser(id: Id, username: string, password = "correct horse"): FakeUser {
    const settings = { direct: "anybody", add: "friends", receipts: true, presence: true, findable: true };
    const user: FakeUser = { id, username, password, settings };
    this.users.set(id, user);
    return user;
  }

  addDevice(id: Id, user: Id, name = "browser"): FakeDevice {
    const device: FakeDevice = {
      id,
      user,
      name,
      queue: [],
      connection: undefined,
      epoch: 0,
      refresh: 1,
      isNewestUsed: false,
      generation: 1,
      isRevoked: false,
      provenAt: this.time.truth(),
    };
    this.devices.set(id, device);
    return device;
  }

  addRoom(id: Id, kind: RoomKind, members: Record<Id, Role>, name?: string): FakeRoom {
    const peers = new Map(Object.entries(members));
    const room: FakeRoom = { id, kind, peers, hidden: new Set(), bans: new Map(), invited: new Map() };
    if (name !== undefined) {
      room.name = name;
    }
    this.rooms.set(id, room);
    return room;
  }

  /** The devices of a user. */
  devicesOf(user: Id): FakeDevice[] {
    return [...this.devices.values()].filter((device) => device.user === user);
  }

  /** Puts a message into the queues of a room's members, but for the device that sent it. */
  publish(message: Message): { recipients: number; unreachable: Id[] } {
    const members = [...(this.rooms.get(message.room)?.peers.keys() ?? [])];
    for (const member of members) {
      for (const device of this.devicesOf(member)) {
        if (device.id !== message.from.device) {
          this.deliver(device.id, { type: "message", content: message, redelivered: false });
        }
      }
    }
    const others = members.filter((member) => member !== message.from.user);
    const unreachable = others.filter((member) => this.devicesOf(member).length === 0);
    return { recipients: others.length - unreachable.length, unreachable };
  }

  deliver(device: Id, delivery: Delivery): void {
    const its = this.devices.get(device);
    its?.queue.push(delivery);
    its?.connection?.pump();
  }

  notice(user: Id, content: Record<string, unknown>, but?: Id): void {
    for (const { id } of this.devicesOf(user)) {
      if (id !== but) {
        const notice = { id: this.id(), at: this.time.truth(), ...content };
        this.deliver(id, { type: "notice", content: notice, redelivered: false });
      }
    }
  }

  receipt(user: Id, content: Record<string, unknown>, but?: Id): void {
    for (const { id } of this.devicesOf(user)) {
      if (id !== but) {
        const receipt = { id: this.id(), at: this.time.truth(), ...content };
        this.deliver(id, { type: "receipt", content: receipt, redelivered: false });
      }
    }
  }

  /** Ends a login, as another device of the user may. */
  logOut(device: Id, code = 4501): void {
    const its = this.devices.get(device);
    this.devices.delete(device);
    its?.connection?.close(code);
  }

  /** Closes all connections. With 1006 it looks as if the network had gone. */
  dropAll(code: number): void {
    for (const device of this.devices.values()) {
      device.connection?.close(code);
    }
  }

  /** Notes a frame that the protocol does not have. */
  look(direction: Direction, frame: Frame): void {
    if (direction === "fromRelay" && this.isLater) {
      return;
    }
    try {
      assertFrame(direction, frame);
    } catch (error) {
      this.faults.push(String(error));
    }
  }

  assertSound(): void {
    if (this.faults.length > 0) {
      throw new Error(this.faults.slice(0, 5).join("; "));
    }
  }

  /** Puts new tokens of a device into a browser, and revokes those before. */
  renew(device: FakeDevice, jar: Jar): void {
    device.generation += 1;
    device.isNewestUsed = false;
    jar.device = device.id;
    jar.refresh = device.refresh;
    jar.generation = device.generation;
    jar.accessUntil = this.time.truth() + this.ttl;
  }

  /** Returns the device of a browser's cookies, unless its tokens are revoked or too old. */
  deviceOf(jar: Jar): FakeDevice | undefined {
    const device = this.devices.get(jar.device ?? "");
    const isGood = jar.generation === device?.generation && jar.accessUntil > this.time.truth();
    return isGood && device?.isRevoked === false ? device : undefined;
  }

  /** What a device opens its socket with. */
  opener(jar: Jar) {
    return () => new Connection(this, jar);
  }
}

/** The cookies of a browser. */
export interface Jar {
  device: Id | undefined;
  accessUntil: number;
  refresh: number;
  generation: number;
  /** No cookie is kept, as where the user forbids them. */
  isBlocked?: boolean;
}

export function jarOf(relay: FakeRelay, device: Id): Jar {
  const { refresh = 1, generation = 1 } = relay.devices.get(device) ?? {};
  return { device, accessUntil: relay.time.truth() + relay.ttl, refresh, generation };
}
