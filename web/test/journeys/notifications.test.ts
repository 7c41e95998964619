/** Notifications, through the service worker of the page. */
import type { BrowserContext, Worker } from "playwright-core";
import { describe, expect, it } from "vitest";
import { isInstalled, openBrowser, startRelay, useBrowser } from "../browser/browser.ts";
import { until } from "../browser/deadline.ts";
import { Person } from "../browser/person.ts";

useBrowser();

const ROOMS = /^https?:/;

/** The service worker of a browser, which is the one that shows notes. */
const workerOf = (context: BrowserContext): Promise<Worker> =>
  until("there is a service worker", () => context.serviceWorkers().find((one) => ROOMS.test(one.url())));

interface Shown {
  title: string;
  body: string;
}

const notes = (worker: Worker): Promise<Shown[]> =>
  worker.evaluate(async () => {
    const { registration } = globalThis as unknown as { registration: ServiceWorkerRegistration };
    return (await registration.getNotifications()).map(({ title, body }) => ({ title, body }));
  });

/** Clicks a note as the system does. Returns the address of the tab that got the focus. */
function click(worker: Worker): Promise<string | undefined> {
  return worker.evaluate(async () => {
    const scope = globalThis as unknown as {
      registration: ServiceWorkerRegistration;
      NotificationEvent: new (type: string, init: object) => Event;
      WindowClient: { prototype: { focus(): Promise<unknown> } };
      dispatchEvent(event: Event): boolean;
    };
    // The browser gives the focus only after a click on the screen, which has no place here.
    let focused: string | undefined;
    scope.WindowClient.prototype.focus = async function (this: { url: string }) {
      focused = this.url;
      return this;
    };
    const [notification] = await scope.registration.getNotifications();
    const event = new scope.NotificationEvent("notificationclick", { notification });
    const work: Promise<unknown>[] = [];
    // Only an event of the browser may be waited for.
    Object.defineProperty(event, "waitUntil", { value: (its: Promise<unknown>) => work.push(its) });
    scope.dispatchEvent(event);
    await Promise.all(work);
    return focused;
  });
}

/** Bob, who may be notified, and Ann, who is in a direct room with him. */
async function friends(): Promise<{ ann: Person; bob: Person; worker: Worker }> {
  const relay = await startRelay("alone");
  const context = await openBrowser(relay);
  await context.grantPermissions(["notifications"], { origin: relay.url });
  const bob = await Person.register(relay, "Bob", { context });
  const ann = await Person.register(relay, "Ann");
  await ann.writeTo(bob);
  await isInstalled(bob.page);
  return { ann, bob, worker: await workerOf(context) };
}

describe("a notification", () => {
  it("30: leads to its tab and its message, and goes with the click", async () => {
    const { ann, bob, worker } = await friends();
    await bob.go("#/people/friends");
    await ann.say("look at this");
    await until("there is a note", async () => (await notes(worker)).length === 1 || undefined);
    expect(await notes(worker)).toEqual([{ title: "Ann", body: expect.stringContaining("look at this") }]);
    expect(await click(worker)).toContain(`${bob.relay.url}/`);
    await bob.page.locator(".message.lit", { hasText: "look at this" }).waitFor();
    expect(bob.context.pages()).toHaveLength(1);
    expect(await notes(worker)).toEqual([]);
  });

  it("26: goes when its message is read on another device, with the title and the badge", async () => {
    const { ann, bob, worker } = await friends();
    await ann.say("news for you");
    await until("there is a note", async () => (await notes(worker)).length === 1 || undefined);
    await until("the title says so", async () => (await bob.page.title()) === "(1) Ferry" || undefined);
    await bob.room("Ann").locator(".badge").waitFor();
    const other = await bob.again();
    await ann.say("and more");
    await other.open("Ann");
    await other.sees("and more");
    await until("the title is free", async () => (await bob.page.title()) === "Ferry" || undefined);
    await until("the notes are gone", async () => (await notes(worker)).length === 0 || undefined);
    await bob.room("Ann").locator(".badge").waitFor({ state: "detached" });
  });
});
