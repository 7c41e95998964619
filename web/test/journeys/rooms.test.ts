import { describe, it } from "vitest";
import { startRelay, useBrowser } from "../browser/browser.ts";
import { Person } from "../browser/person.ts";
import { BACKENDS } from "../browser/servers.ts";

useBrowser();

describe.each(BACKENDS)("over %s", (backend) => {
  it("J7: a room is made, people come by invitation, get roles, are muted, and leave", async () => {
    const relay = await startRelay(backend);
    const [ann, bob, cyd] = [
      await Person.register(relay, "Ann"),
      await Person.register(relay, "Bob"),
      await Person.register(relay, "Cyd", { size: "phone" }),
    ];
    await ann.go("#/new/create");
    await ann.page.getByLabel("Name", { exact: true }).fill("trip");
    await ann.page.getByRole("searchbox", { name: "Find people" }).fill(bob.username);
    await ann.page
      .getByRole("listitem")
      .filter({ hasText: bob.username })
      .getByRole("button", { name: "Add" })
      .click();
    await ann.page.getByRole("button", { name: "Create the room" }).click();
    await ann.say("who drives?");
    await bob.open("trip");
    await bob.sees("who drives?");

    // Cyd is invited, and accepts.
    await ann.showDetails();
    await ann.page.getByRole("button", { name: "Add people" }).click();
    const dialog = ann.page.getByRole("dialog", { name: "Add people" });
    await dialog.getByRole("searchbox", { name: "Find people" }).fill(cyd.username);
    await dialog
      .getByRole("listitem")
      .filter({ hasText: cyd.username })
      .getByRole("button", { name: "Invite" })
      .click();
    await dialog.getByText("Invited").waitFor();
    await dialog.getByRole("button", { name: "Close" }).click();
    await cyd.page.getByText("1 invitation").first().click();
    await cyd.page.getByRole("button", { name: "Accept" }).click();
    await cyd.composer.waitFor();
    await cyd.say("I do");
    await ann.sees("I do");

    // Ann makes Bob a moderator, who mutes Cyd.
    await choose(ann, "Bob", "Make a moderator");
    await bob.showDetails();
    await choose(bob, "Cyd", "Mute for an hour");
    await cyd.page.getByText(/You are muted in this room until/).waitFor();
    await choose(bob, "Cyd", "Let them write again");
    await cyd.composer.waitFor();
    await cyd.say("thank you");
    await ann.sees("thank you");

    // Cyd leaves, and keeps what was said.
    await cyd.showDetails();
    await cyd.page.getByRole("button", { name: "Leave the room" }).click();
    await cyd.page.getByRole("dialog").getByRole("button", { name: "Leave the room" }).click();
    await cyd.isIn();
    await ann.say("Cyd is gone");
    await bob.sees("Cyd is gone");
    await cyd.open("trip");
    await cyd.hasTexts(["I do", "thank you"]);
    await cyd.page.getByText("You are not in this room. Its history stays here.").waitFor();
  });
});

async function choose(person: Person, member: string, what: string): Promise<void> {
  await person.page.getByRole("button", { name: new RegExp(`^What to do with .*${member}`) }).click();
  await person.page.getByRole("menuitem", { name: what }).click();
}
