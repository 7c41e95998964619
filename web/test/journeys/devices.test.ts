import { describe, expect, it } from "vitest";
import { PASSWORD, startRelay, useBrowser } from "../browser/browser.ts";
import { until } from "../browser/deadline.ts";
import { exportBackup, importBackup } from "../browser/history.ts";
import { Person, twoPeople } from "../browser/person.ts";
import { BACKENDS } from "../browser/servers.ts";

useBrowser();

describe.each(BACKENDS)("over %s", (backend) => {
  it("J3: a second device starts empty, says so, and gets the history from a backup", async () => {
    const relay = await startRelay(backend);
    const [ann, bob] = await twoPeople(relay);
    const backup = await exportBackup(bob.page);
    const second = await bob.again();
    await second.page.getByText("This device starts empty").first().waitFor();
    await ann.say("for all devices");
    await second.open("Ann");
    await second.hasTexts(["for all devices"]);
    await importBackup(second.page, backup, "1 message was added.");
    await second.open("Ann");
    await second.hasTexts(["hello Bob", "for all devices"]);
    // The same file again changes nothing.
    await importBackup(second.page, backup, "Everything in this backup was here already.");
    await second.open("Ann");
    await second.hasTexts(["hello Bob", "for all devices"]);
    await bob.open("Ann");
    await bob.hasTexts(["hello Bob", "for all devices"]);
  });

  it("J5: a login that one does not know is shown, logged out, and the password changed", async () => {
    const relay = await startRelay(backend);
    const [ann, bob] = await twoPeople(relay);
    const thief = await bob.again();
    await bob.page.getByRole("link", { name: /^Notices, \d+ new/ }).click();
    await bob.page.getByText(/^New login: .*Chrome on Linux.*127\.0\.0\.1/).waitFor();
    await bob.page.getByRole("button", { name: "Log it out" }).click();
    await thief.page.getByRole("heading", { name: "You were logged out" }).waitFor();
    // What the thief's browser has stays hidden until the same user logs in.
    expect(await thief.page.getByText("hello Bob").count()).toBe(0);
    await bob.go("#/settings/account");
    await bob.page.getByLabel("Password now").fill(PASSWORD);
    await bob.page.getByLabel("New password").fill("another heron at dawn");
    await bob.page.getByRole("button", { name: "Change the password" }).click();
    await bob.page.getByText("Saved.").waitFor();
    await thief.typePassword();
    await thief.page.getByText("The username or the password is wrong").waitFor();
    // Bob's own device goes on.
    await bob.open("Ann");
    await bob.say("it was not me");
    await ann.sees("it was not me");
  });
});

describe("one browser", () => {
  it("47: another person gets another history, and the first finds theirs again", async () => {
    const relay = await startRelay("alone");
    const [, bob] = await twoPeople(relay);
    await logOut(bob, "Keep it, hidden");
    const eve = await Person.register(relay, "Eve", { context: bob.context });
    expect(await eve.page.getByText("hello Bob").count()).toBe(0);
    await logOut(eve, "Keep it, hidden");
    await eve.page.close();
    await bob.page.reload();
    await bob.logIn();
    await bob.isIn();
    await bob.open("Ann");
    await bob.hasTexts(["hello Bob"]);
  });

  it("7: a draft survives a reload, and a logout with the same user's return", async () => {
    const relay = await startRelay("alone");
    const [, bob] = await twoPeople(relay);
    await bob.composer.fill("not yet finish");
    await bob.composer.pressSequentially("ed");
    await bob.go("#/");
    await bob.room("Ann").getByText("not yet finished").waitFor();
    await bob.reload();
    await bob.open("Ann");
    await until(
      "the draft is there",
      async () => (await bob.composer.inputValue()) === "not yet finished" || undefined,
    );
    await logOut(bob, "Keep it, hidden");
    await bob.logIn();
    await bob.isIn();
    await bob.open("Ann");
    await until(
      "the draft is there",
      async () => (await bob.composer.inputValue()) === "not yet finished" || undefined,
    );
  });

  it("46: a logout that deletes leaves nothing", async () => {
    const relay = await startRelay("alone");
    const [, bob] = await twoPeople(relay);
    await logOut(bob, "Delete it");
    const names = await bob.page.evaluate(async () => (await indexedDB.databases()).map(({ name }) => name));
    expect(names.filter((name) => name !== "ferry")).toEqual([]);
    await bob.logIn();
    await bob.isIn();
    await bob.go("#/");
    await bob.page.getByText("This device starts empty").first().waitFor();
  });
});

async function logOut(person: Person, history: string): Promise<void> {
  await person.go("#/settings");
  await person.page.getByRole("button", { name: "Log out" }).first().click();
  const dialog = person.page.getByRole("dialog", { name: "Log out" });
  await dialog.getByRole("radio", { name: history }).check();
  await dialog.getByRole("button", { name: "Log out" }).click();
  await person.page.getByLabel("Username").waitFor();
}
