/** A user without a page: a script that sends over HTTP. */
import { PASSWORD } from "./browser.ts";
import type { Place } from "./servers.ts";

interface Session {
  access_token: string;
  user: { id: string };
  device: { id: string };
}

let made = 0;

export class Script {
  readonly user: string;
  readonly device: string;
  readonly username: string;
  readonly #relay: Place;
  readonly #token: string;

  private constructor(relay: Place, username: string, { user, device, access_token: token }: Session) {
    this.#relay = relay;
    this.username = username;
    this.user = user.id;
    this.device = device.id;
    this.#token = token;
  }

  /** A new user. `name` is what others see. */
  static async register(relay: Place, name: string): Promise<Script> {
    made += 1;
    const username = `${name.toLowerCase()}.script.${made}.${process.pid}`;
    const account = { username, password: PASSWORD, display_name: name };
    await call<unknown>(relay, "POST", "/v1/accounts", account);
    const login = { username, password: PASSWORD, device_name: "script" };
    return new Script(relay, username, await call<Session>(relay, "POST", "/v1/sessions", login));
  }

  call<T>(method: string, path: string, body?: object): Promise<T> {
    return call<T>(this.#relay, method, path, body, this.#token);
  }

  /** Makes a room with these users, and returns its id. Without a name it is the direct room. */
  async room(members: string[], name?: string): Promise<string> {
    const form = name === undefined ? { kind: "direct", members } : { kind: "group", name, members };
    return (await this.call<{ room: { id: string } }>("POST", "/v1/rooms", form)).room.id;
  }

  /** Sends a message, and returns its id. */
  async send(room: string, body: unknown, kind = "text"): Promise<string> {
    return (await this.call<{ id: string }>("POST", `/v1/rooms/${room}/messages`, { kind, body })).id;
  }
}

async function call<T>(
  { url }: Place,
  method: string,
  path: string,
  body?: object,
  token?: string,
): Promise<T> {
  const answer = await fetch(url + path, {
    method,
    headers: {
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  if (!answer.ok) {
    throw new Error(`${method} ${path}: ${answer.status} ${text}`);
  }
  return (text === "" ? undefined : JSON.parse(text)) as T;
}
