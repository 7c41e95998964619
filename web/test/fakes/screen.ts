/** A page with the room of a test, and what is on its screen. */
import { afterEach, beforeEach } from "vitest";
import type { MessageRow, OpenRoom } from "../../src/state/room-model.ts";
import { BOB, BOBS_DEVICE, ME, ROOM, text } from "./ids.ts";
import { Browser, type Page } from "./page.ts";
import { FakeRelay } from "./relay.ts";
import { until } from "./tab.ts";
import { ManualTime } from "./time.ts";

export class Screen {
  readonly relay = new FakeRelay(new ManualTime());
  readonly browser = new Browser(this.relay);

  constructor() {
    this.relay.addUser(ME, "me");
    this.relay.addUser(BOB, "bob");
    this.relay.addDevice(BOBS_DEVICE, BOB);
    this.relay.addRoom(ROOM, "group", { [ME]: "owner", [BOB]: "member" }, "trip");
  }

  async loggedIn(): Promise<Page> {
    const page = await this.browser.page();
    if (page.app.session.phase.value.is !== "signed_in") {
      await page.app.session.login({ username: "me", password: "correct horse", isShared: false });
    }
    await until(() => ["online", "follower"].includes(page.app.connection.state.value.is));
    await until(() => page.app.rooms.list.value.length > 0);
    return page;
  }

  /** Opens the room, after so many messages have come. */
  async opened(page: Page, messages = 0): Promise<OpenRoom> {
    for (let at = 1; at <= messages; at += 1) {
      this.relay.publish(text(at, `m ${at}`));
    }
    await until(() => this.relay.acked.length >= messages && unread(page) === messages);
    const room = page.app.openRoom(ROOM);
    await until(() => messages === 0 || texts(room).length > 0);
    return room;
  }
}

/** Makes a screen for each test of a file. */
export function useScreen(): () => Screen {
  let screen: Screen;
  beforeEach(() => {
    screen = new Screen();
  });
  afterEach(() => screen.browser.end());
  return () => screen;
}

export function unread(page: Page): number {
  return page.app.rooms.list.value.find(({ id }) => id === ROOM)?.unread ?? 0;
}

export function shown(room: OpenRoom): MessageRow[] {
  return room.timeline.rows.value.filter((row): row is MessageRow => row.is === "message");
}

export function texts(room: OpenRoom): string[] {
  return shown(room).map(({ content }) => (content.is === "text" ? content.text : content.is));
}

export async function write(room: OpenRoom, words: string): Promise<void> {
  room.setDraft({ text: words, mentions: [] });
  await room.send();
}
