/** The login of the small world. */
import { type Signal, signal } from "@preact/signals";
import type { Answer } from "../../src/state/answer.ts";
import type {
  Device,
  Me,
  Phase,
  Privacy,
  Proof,
  SecondFactor,
  Session,
} from "../../src/state/session-model.ts";
import type { Log } from "./fake-room.ts";
import { DEVICES, id, ME } from "./people.ts";

type Give = <T>(value: T) => Answer<T>;

export class FakeSession implements Session {
  readonly phase: Signal<Phase>;
  readonly me: Signal<Me | undefined> = signal({
    id: ME.id,
    username: ME.username,
    displayName: ME.name,
    about: "Sails on Saturdays.",
    email: "mira@example.org",
    device: DEVICES[0]?.id ?? id(901),
    privacy: { direct: "anybody", add: "friends", lastSeen: true, readReceipts: true, findable: true },
    isShared: false,
  });
  readonly devices: Signal<Device[]> = signal(DEVICES);
  readonly secondStatus: Signal<SecondFactor["status"]["value"]> = signal({ isOn: false });
  readonly #log: Log;
  readonly #give: Give;

  constructor(log: Log, give: Give, phase: Signal<Phase>) {
    this.#log = log;
    this.#give = give;
    this.phase = phase;
  }

  #does(name: string, ...values: unknown[]): Answer {
    this.#log(name, ...values);
    return this.#give(undefined);
  }

  register(form: object): Answer {
    return this.#does("register", form);
  }

  async login(form: { isShared: boolean }): Answer<{ isEmpty: boolean }> {
    this.#log("login", form);
    const answer = await this.#give({ isEmpty: true });
    const me = this.me.peek();
    if (answer.ok && me !== undefined) {
      this.me.value = { ...me, isShared: form.isShared };
      this.phase.value = { is: "signed_in", isEmptyDevice: true };
    }
    return answer;
  }

  logout(history: string): Answer {
    return this.#does("logout", history);
  }

  loadDevices(): Answer {
    return this.#give(undefined);
  }

  async logOutDevice(device: string, proof?: Proof): Answer {
    const answer = await this.#does("logOutDevice", device, proof);
    if (answer.ok) {
      this.devices.value = this.devices.peek().filter((one) => one.id !== device);
    }
    return answer;
  }

  async renameDevice(device: string, name: string): Answer {
    const answer = await this.#does("renameDevice", device, name);
    if (answer.ok) {
      this.devices.value = this.devices.peek().map((one) => (one.id === device ? { ...one, name } : one));
    }
    return answer;
  }

  changePassword(proof: Proof, after: string): Answer {
    return this.#does("changePassword", proof, after);
  }

  async changeProfile(profile: object): Answer {
    const answer = await this.#does("changeProfile", profile);
    const me = this.me.peek();
    if (answer.ok && me !== undefined) {
      this.me.value = { ...me, ...profile };
    }
    return answer;
  }

  async changePrivacy(privacy: Partial<Privacy>): Answer {
    const answer = await this.#does("changePrivacy", privacy);
    const me = this.me.peek();
    if (answer.ok && me !== undefined) {
      this.me.value = { ...me, privacy: { ...me.privacy, ...privacy } };
    }
    return answer;
  }

  deleteAccount(proof: Proof): Answer {
    return this.#does("deleteAccount", proof);
  }

  async erase(): Promise<void> {
    this.#log("erase");
    this.phase.value = { is: "signed_out" };
  }

  readonly secondFactor: SecondFactor = {
    status: this.secondStatus,
    load: () => this.#give(undefined),
    start: (password) => {
      this.#log("second.start", password);
      const secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
      return this.#give({ secret, uri: `otpauth://totp/ferry:mira?secret=${secret}&issuer=ferry` });
    },
    confirm: async (code) => {
      this.#log("second.confirm", code);
      const codes = Array.from({ length: 10 }, (_, at) => `abc${at}-efgh-ijkl-mnop-qrst-uvwx`);
      const answer = await this.#give(codes);
      if (answer.ok) {
        this.secondStatus.value = { isOn: true, codesLeft: codes.length };
      }
      return answer;
    },
    end: async (proof) => {
      const answer = await this.#does("second.end", proof);
      if (answer.ok) {
        this.secondStatus.value = { isOn: false };
      }
      return answer;
    },
  };
}
