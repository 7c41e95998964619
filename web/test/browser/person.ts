/** What a user does with the page, and sees on it. */
import type { BrowserContext, Locator, Page } from "playwright-core";
import { openBrowser, openPage, PASSWORD } from "./browser.ts";
import { until } from "./deadline.ts";
import type { Place } from "./servers.ts";

let made = 0;

/** A user in a tab of a browser. */
export class Person {
  readonly relay: Place;
  readonly context: BrowserContext;
  readonly page: Page;
  readonly username: string;
  readonly name: string;

  private constructor(relay: Place, context: BrowserContext, page: Page, username: string, name: string) {
    this.relay = relay;
    this.context = context;
    this.page = page;
    this.username = username;
    this.name = name;
  }

  /** A new user, who is logged in. */
  static async register(
    relay: Place,
    name: string,
    { context, size }: { context?: BrowserContext; size?: "phone" | "desktop" } = {},
  ): Promise<Person> {
    const own = context ?? (await openBrowser(relay, size));
    const page = await openPage(own, relay);
    made += 1;
    const person = new Person(relay, own, page, `${name.toLowerCase()}.${made}.${process.pid}`, name);
    await page.getByRole("button", { name: "Create an account" }).click();
    await page.getByLabel("Username").fill(person.username);
    await page.getByLabel("Name that others see").fill(name);
    await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
    await page.getByRole("button", { name: "Create the account" }).click();
    await person.isIn();
    return person;
  }

  /** The same user, whose page this is. */
  static of({ relay, context, username, name }: Person, page: Page): Person {
    return new Person(relay, context, page, username, name);
  }

  /** The same user in another browser, or in another tab of this one. */
  async again(context?: BrowserContext): Promise<Person> {
    const own = context ?? (await openBrowser(this.relay));
    const person = new Person(this.relay, own, await openPage(own, this.relay), this.username, this.name);
    if (context === undefined) {
      await person.logIn();
    }
    await person.isIn();
    return person;
  }

  async logIn(password = PASSWORD): Promise<void> {
    await this.page.getByLabel("Username").fill(this.username);
    await this.typePassword(password);
  }

  async typePassword(password = PASSWORD): Promise<void> {
    await this.page.getByLabel("Password", { exact: true }).fill(password);
    await this.page.getByRole("button", { name: "Log in", exact: true }).click();
  }

  /** Waits until the rooms are there. */
  async isIn(): Promise<void> {
    await this.page.getByRole("navigation", { name: "Rooms and people" }).waitFor();
  }

  go(hash: string): Promise<void> {
    return this.page.evaluate((to) => {
      location.hash = to;
    }, hash);
  }

  async reload(): Promise<void> {
    await this.page.reload();
    await this.isIn();
  }

  /** Finds a user by the exact name, and opens the direct room. */
  async writeTo(other: Person): Promise<void> {
    await this.go("#/people/find");
    await this.page.getByRole("searchbox", { name: "Find people" }).fill(other.username);
    const found = this.page.getByRole("list", { name: "People found" }).getByRole("listitem");
    await found
      .filter({ hasText: `@${other.username}` })
      .getByRole("button", { name: "Write" })
      .click();
    await this.composer.waitFor();
  }

  get composer(): Locator {
    return this.page.getByRole("textbox", { name: "Message", exact: true });
  }

  room(name: string): Locator {
    return this.page.getByRole("navigation", { name: "Rooms and people" }).getByRole("link", { name });
  }

  async open(name: string): Promise<void> {
    await this.room(name).first().click();
    await this.page.getByRole("log", { name: "Messages" }).waitFor();
  }

  async say(text: string): Promise<void> {
    await this.composer.fill(text);
    await this.composer.press("Enter");
    await this.sees(text);
  }

  row(text: string | RegExp): Locator {
    return this.page.getByRole("log", { name: "Messages" }).getByRole("article").filter({ hasText: text });
  }

  async sees(text: string | RegExp): Promise<void> {
    await this.row(text).first().waitFor();
  }

  async showDetails(): Promise<void> {
    await this.page.getByRole("button", { name: "Show the details" }).click();
  }

  /** Waits until the relay has the message. */
  async hasSent(text: string): Promise<void> {
    const marks = /Sent, on its way|On a device of each person|Read by everybody/;
    await this.row(text).locator(".mark", { hasText: marks }).first().waitFor({ state: "attached" });
  }

  /** The texts of the messages on the page, from above. */
  async texts(): Promise<string[]> {
    return this.page.getByRole("log", { name: "Messages" }).locator("article .body").allInnerTexts();
  }

  async hasTexts(wanted: string[]): Promise<void> {
    let last: string[] = [];
    await until(`the room of ${this.name} has what it should`, async () => {
      last = await this.texts();
      return JSON.stringify(last) === JSON.stringify(wanted) || undefined;
    }).catch((error: Error) => {
      throw new Error(`${error.message}: ${JSON.stringify(last)}`);
    });
  }

  /** Waits until this device has, and has been told, everything. */
  async isCalm(): Promise<void> {
    await until("nothing waits and nothing is wrong", async () => {
      const strips = await this.page.locator(".strip").count();
      return strips === 0 || undefined;
    });
  }
}

/** Two users in a direct room, each in a browser. Bob's may have a way of its own to the relay. */
export async function twoPeople(relay: Place, bobs: Place = relay): Promise<[Person, Person]> {
  const bob = await Person.register(bobs, "Bob");
  const ann = await Person.register(relay, "Ann");
  await ann.writeTo(bob);
  await ann.say("hello Bob");
  await bob.open("Ann");
  await bob.sees("hello Bob");
  await ann
    .row("hello Bob")
    .locator(".mark", { hasText: "Read by everybody" })
    .waitFor({ state: "attached" });
  return [ann, bob];
}
