/** The connection to the relay: opened, kept alive, and opened again. */

import { Backoff } from "../core/backoff.ts";
import { closing, type Finality } from "../core/closing.ts";
import { quietly } from "../core/quietly.ts";
import { type Frame, readFrame, type Welcome } from "../wire/frames.ts";
import { pingFrame, SUBPROTOCOL } from "../wire/outgoing.ts";
import type { OpenSocket, Refreshed, SocketLike, Timers } from "./deps.ts";
import type { LoggedIn } from "./ending.ts";

/** The relay waits up to 8 s for an older socket before it says welcome. */
const WELCOME_WITHIN = 20_000;
/** After this silence the relay is asked whether it is there. */
const SILENCE = 25_000;
/** It answers within this time, or the connection is lost. */
const PONG_WITHIN = 10_000;
/** The shortest wait after the relay has closed because of too many frames. */
const SLOWLY = 5_000;

export type SocketState =
  | { is: "connecting" }
  | { is: "open" }
  | { is: "waiting"; why: "network" | "relay" | "rate"; retryAt: number }
  | { is: "stopped" }
  | { is: "ended"; why: Finality | "expired" };

export interface SocketEvents {
  welcome(welcome: Welcome): void;
  frame(frame: Frame, text: string): void;
  /** The connection is over. What was not stored or answered counts as not sent. */
  lost(): void;
  state(state: SocketState): void;
  /** Asks the relay whether the login is good. A browser does not say why an upgrade failed. */
  isLoggedIn(): Promise<LoggedIn>;
  refresh(): Promise<Refreshed>;
}

export class Socket {
  readonly #open: OpenSocket;
  readonly #timers: Timers;
  readonly #events: SocketEvents;
  readonly #backoff = new Backoff(1_000, 30_000);
  #socket: SocketLike | undefined;
  #isWelcome = false;
  /** Refreshes since the last welcome. A relay that rejects fresh tokens must not be hammered. */
  #refreshes = 0;
  #timer: unknown;
  #heard = 0;
  /** Grows with each attempt, so that answers to an earlier one do nothing. */
  #attempt = 0;
  #isRunning = false;
  /** Before this time the relay wants no connection, whoever asks for one. */
  #notBefore = Number.NEGATIVE_INFINITY;

  constructor(open: OpenSocket, timers: Timers, events: SocketEvents) {
    this.#open = open;
    this.#timers = timers;
    this.#events = events;
  }

  start(): void {
    this.#isRunning = true;
    const left = this.#notBefore - this.#timers.steady();
    left > 0 ? this.#wait("rate", left) : this.#connect();
  }

  /** Closes the connection, and opens no other one until `start`. */
  stop(): void {
    this.#isRunning = false;
    this.#drop();
    this.#events.state({ is: "stopped" });
  }

  /**
   * Connects at once, if it waits. The network may be back. If the relay has told how long to
   * wait, that holds.
   */
  tryNow(): void {
    if (this.#isRunning && this.#socket === undefined) {
      if (this.#timers.steady() < this.#notBefore) {
        return;
      }
      this.#backoff.reset();
      this.#connect();
    } else if (this.#isWelcome && this.#timers.steady() - this.#heard > PONG_WITHIN) {
      // It may be dead without a sign, for example after sleep.
      this.#ping();
    }
  }

  /** Closes the connection and opens another one at once. */
  restart(): void {
    if (this.#isRunning) {
      this.#drop();
      this.#connect();
    }
  }

  /** Closes the connection, and opens another one after a wait, because something failed here. */
  retryLater(): void {
    if (this.#isRunning) {
      this.#drop();
      this.#wait("relay", 0);
    }
  }

  /** Returns false if there is no connection. */
  send(text: string): boolean {
    if (!this.#isWelcome || this.#socket === undefined) {
      return false;
    }
    this.#socket.send(text);
    return true;
  }

  #connect(): void {
    this.#drop();
    this.#attempt += 1;
    this.#events.state({ is: "connecting" });
    const socket = this.#open(SUBPROTOCOL);
    this.#socket = socket;
    socket.onmessage = ({ data }) => {
      if (socket === this.#socket && typeof data === "string") {
        this.#take(data);
      }
    };
    socket.onclose = ({ code }) => {
      if (socket === this.#socket) {
        this.#closed(code);
      }
    };
    this.#timer = this.#timers.set(() => this.#closed(1006), WELCOME_WITHIN);
  }

  #take(text: string): void {
    this.#heard = this.#timers.steady();
    const frame = readFrame(text);
    if (frame.type === "welcome") {
      this.#isWelcome = true;
      this.#refreshes = 0;
      this.#backoff.reset();
      this.#watch();
      this.#events.state({ is: "open" });
      this.#events.welcome(frame);
    } else if (this.#isWelcome) {
      this.#events.frame(frame, text);
    }
  }

  /** Looks whether the relay is there. Its own pings are invisible to a script. */
  #watch(): void {
    this.#timers.clear(this.#timer);
    const silence = this.#timers.steady() - this.#heard;
    this.#timer = this.#timers.set(
      () => {
        if (this.#timers.steady() - this.#heard < SILENCE) {
          this.#watch();
        } else {
          this.#ping();
        }
      },
      Math.max(0, SILENCE - silence),
    );
  }

  #ping(): void {
    const before = this.#heard;
    this.send(pingFrame());
    this.#timers.clear(this.#timer);
    this.#timer = this.#timers.set(
      () => (this.#heard === before ? this.#closed(1006) : this.#watch()),
      PONG_WITHIN,
    );
  }

  #closed(code: number): void {
    const wasWelcome = this.#isWelcome;
    this.#drop();
    const what = closing(code);
    if (!what.reconnect) {
      this.#isRunning = false;
      this.#events.state({ is: "ended", why: what.why });
    } else if (what.needsToken) {
      quietly(this.#renew());
    } else if (code === 1006 && !wasWelcome) {
      quietly(this.#ask());
    } else {
      this.#wait(code === 4029 ? "rate" : code === 1006 ? "network" : "relay", code === 4029 ? SLOWLY : 0);
    }
  }

  /** The upgrade failed. It may be the network or the login. */
  async #ask(): Promise<void> {
    const attempt = this.#attempt;
    const answer = await this.#events.isLoggedIn();
    if (attempt !== this.#attempt || !this.#isRunning) {
      return;
    }
    if (answer.is === "no") {
      await this.#renew();
    } else if (answer.is === "wait") {
      this.#wait("rate", answer.wait);
    } else {
      this.#wait(answer.is === "yes" ? "relay" : "network", 0);
    }
  }

  async #renew(): Promise<void> {
    const attempt = this.#attempt;
    this.#refreshes += 1;
    const answer = await this.#events.refresh();
    if (attempt !== this.#attempt || !this.#isRunning) {
      return;
    }
    if (answer === "ended") {
      this.#isRunning = false;
      this.#events.state({ is: "ended", why: "expired" });
    } else if (answer === "renewed" && this.#refreshes <= 1) {
      this.#connect();
    } else {
      this.#wait(answer === "renewed" ? "relay" : "network", 0);
    }
  }

  #wait(why: "network" | "relay" | "rate", least: number): void {
    const wait = Math.max(least, this.#backoff.next(this.#timers.random()));
    this.#notBefore = this.#timers.steady() + least;
    this.#events.state({ is: "waiting", why, retryAt: this.#timers.now() + wait });
    this.#timer = this.#timers.set(() => this.#connect(), wait);
  }

  /** Lets go of the socket. What it says later does nothing. */
  #drop(): void {
    this.#timers.clear(this.#timer);
    const [socket, wasWelcome] = [this.#socket, this.#isWelcome];
    this.#socket = undefined;
    this.#isWelcome = false;
    if (socket !== undefined) {
      socket.onmessage = null;
      socket.onclose = null;
      socket.close();
    }
    if (wasWelcome) {
      this.#events.lost();
    }
  }
}
