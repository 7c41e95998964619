/** The relay's end of a socket, and the client's: what one writes the other gets, a moment later. */
import type { Message } from "../../src/core/message.ts";
import type { SocketLike } from "../../src/engine/deps.ts";
import type { Frame } from "./asyncapi.ts";
import type { Delivery, FakeDevice, FakeRelay, Jar } from "./relay.ts";

export class Connection implements SocketLike {
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: ((event: { code: number }) => void) | null = null;
  readonly #relay: FakeRelay;
  readonly #jar: Jar;
  #device: FakeDevice | undefined;
  #isOpen = true;
  #deliveries = 0;
  readonly #held = new Map<string, Delivery>();
  #isDrained = false;
  /** What waited when the socket opened. */
  #backlog = 0;
  readonly #seqs = new Map<string, number>();
  readonly #sent = new Map<string, { text: string; answer: Frame }>();
  watched: string[] = [];

  constructor(relay: FakeRelay, jar: Jar) {
    this.#relay = relay;
    this.#jar = jar;
    queueMicrotask(() => this.#open());
  }

  send(text: string): void {
    queueMicrotask(() => {
      if (this.#isOpen && !this.#relay.isDown) {
        this.#take(text);
      }
    });
  }

  /** The client closes. */
  close(code = 1000): void {
    if (!this.#isOpen) {
      return;
    }
    this.#isOpen = false;
    if (this.#device?.connection === this) {
      this.#device.connection = undefined;
    }
    // What was not acked comes again, in its order.
    const back = [...this.#held.values()].map((delivery) => ({ ...delivery, redelivered: true }));
    this.#device?.queue.unshift(...back);
    this.#held.clear();
    queueMicrotask(() => this.onclose?.({ code }));
  }

  renewed(): void {
    this.#say({ type: "renewed", token_expires_at: this.#jar.accessUntil });
  }

  presence(user: string, status: string, lastSeen?: number): void {
    const seen = lastSeen === undefined ? {} : { last_seen: lastSeen };
    this.#say({ type: "presence", user, status, ...seen });
  }

  typing(room: string, user: string, active: boolean): void {
    this.#say({ type: "typing", room, user, active, expires_in_ms: 6_000 });
  }

  /** Delivers what fits in the window. */
  pump(): void {
    const device = this.#device;
    while (device !== undefined && this.#held.size < this.#relay.window) {
      const delivery = device.queue.shift();
      if (delivery === undefined) {
        break;
      }
      this.#deliveries += 1;
      const id = `${this.#deliveries}`.padStart(16, "0");
      this.#held.set(id, delivery);
      const { type, content, redelivered } = delivery;
      this.#say({ type, delivery: id, redelivered, [type]: content });
    }
    if (!this.#isDrained && this.#deliveries >= this.#backlog) {
      this.#isDrained = true;
      this.#say({ type: "drained" });
    }
  }

  #open(): void {
    const { accessUntil } = this.#jar;
    const its = this.#relay.deviceOf(this.#jar);
    const now = this.#relay.time.truth();
    if (this.#relay.isDown || this.#relay.retryAfter !== undefined || its === undefined) {
      this.close(1006);
      return;
    }
    its.connection?.close(4502);
    its.connection = this;
    its.epoch = Math.max(now, its.epoch + 1);
    this.#device = its;
    this.#backlog = its.queue.length;
    this.#say({
      type: "welcome",
      protocol: 1,
      user: its.user,
      device: its.id,
      server_time: now,
      token_expires_at: accessUntil,
      window: this.#relay.window,
      queue: { whole_since: this.#relay.wholeSince, dropped: 0 },
      limits: { frame: this.#relay.frameLimit, send_burst: 60, send_rate: 10, devices: 16 },
    });
    this.pump();
  }

  #say(frame: Frame): void {
    this.#relay.look("fromRelay", frame);
    const data = JSON.stringify(frame);
    queueMicrotask(() => {
      if (this.#isOpen) {
        this.onmessage?.({ data });
      }
    });
  }

  #take(text: string): void {
    const frame = JSON.parse(text) as Frame;
    this.#relay.look("fromDevice", frame);
    this.#relay.frames.push(frame);
    switch (frame.type) {
      case "send":
        this.#send(text, frame as unknown as SendFrame);
        break;
      case "ack":
        this.#ack(frame["deliveries"] as string[]);
        break;
      case "ping":
        this.#say({ type: "pong" });
        break;
      case "watch":
        this.watched = frame["users"] as string[];
        break;
      case "read":
        this.#read(frame as unknown as { room: string; up_to: string; sent_at: number; authors?: string[] });
        break;
      case "notices_read":
        this.#relay.receipt(
          this.#device?.user ?? "",
          { kind: "notices_read", notices: frame["notices"] },
          this.#device?.id,
        );
        break;
      default:
        break;
    }
  }

  #send(text: string, frame: SendFrame): void {
    const relay = this.#relay;
    const device = this.#device;
    relay.sends.push(text);
    if (device === undefined) {
      return;
    }
    const before = this.#sent.get(frame.id);
    if (before !== undefined) {
      this.#say(before.text === text ? before.answer : refusal(frame.id, "id_reused", false));
      return;
    }
    const what = relay.onSend(frame);
    if (what === "die_before") {
      relay.dropAll(1006);
      return;
    }
    if (typeof what === "object") {
      this.#say({ ...refusal(frame.id, "unavailable", true), ...what.error });
      return;
    }
    const room = relay.rooms.get(frame.room);
    const role = room?.peers.get(device.user);
    if (role === undefined) {
      this.#say(refusal(frame.id, "not_found", false));
      return;
    }
    const seq = (this.#seqs.get(frame.room) ?? 0) + 1;
    this.#seqs.set(frame.room, seq);
    const { type: _type, ...rest } = frame;
    const stamp = { epoch: device.epoch, seq, sent_at: relay.time.truth() };
    const message = { ...rest, from: { user: device.user, device: device.id, role }, ...stamp } as Message;
    const reached = relay.publish(message);
    if (what === "die_after") {
      relay.dropAll(1006);
      return;
    }
    const answer = { type: "sent", id: frame.id, ...reached, ...stamp, role };
    this.#sent.set(frame.id, { text, answer });
    this.#say(answer);
  }

  #ack(deliveries: string[]): void {
    for (const id of deliveries) {
      const delivery = this.#held.get(id);
      this.#held.delete(id);
      if (delivery?.type === "message") {
        const { id: message, room, from } = delivery.content as Message;
        this.#relay.acked.push(delivery.content as Message);
        const to = [{ user: this.#device?.user, device: this.#device?.id, messages: [message] }];
        if (from.user !== this.#device?.user) {
          this.#relay.receipt(from.user, { kind: "delivered", room, to });
        }
      }
    }
    this.pump();
  }

  #read({
    room,
    up_to,
    sent_at,
    authors = [],
  }: {
    room: string;
    up_to: string;
    sent_at: number;
    authors?: string[];
  }) {
    const user = this.#device?.user ?? "";
    const content = { kind: "read", room, user, up_to, sent_at };
    this.#relay.receipt(user, content, this.#device?.id);
    for (const author of authors) {
      this.#relay.receipt(author, content);
    }
  }
}

interface SendFrame {
  type: string;
  id: string;
  room: string;
  kind: string;
  body: unknown;
}

function refusal(id: string, code: string, temporary: boolean): Frame {
  return { type: "error", code, message: code, temporary, id };
}
