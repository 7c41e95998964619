import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import { calls, eventually, open, useBrowser } from "./browser.ts";

useBrowser();

/** Every way out of a dialog but its own buttons. */
const WAYS: Record<string, (page: Page) => Promise<unknown>> = {
  Escape: (page) => page.keyboard.press("Escape"),
  "Escape, twice": async (page) => {
    await page.keyboard.press("Escape");
    await page.keyboard.press("Escape");
  },
  "a click outside": (page) => page.mouse.click(4, 4),
  "the cross": (page) => page.getByRole("dialog").last().getByRole("button", { name: "Close" }).click(),
  Back: (page) => page.goBack(),
  "another room": (page) => page.keyboard.press("Alt+ArrowDown"),
};

async function recoveryCodes(): Promise<Page> {
  const page = await open({ story: "account" });
  await page.getByRole("button", { name: "Set up the second factor" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Password", { exact: true }).fill("correct horse");
  await dialog.getByRole("button", { name: "Next" }).click();
  await dialog.getByLabel("Code of the second factor").fill("287082");
  await dialog.getByRole("button", { name: "Turn it on" }).click();
  await dialog.getByText("abc9-efgh-ijkl-mnop-qrst-uvwx").waitFor();
  return page;
}

const code = (page: Page) => page.getByText("abc9-efgh-ijkl-mnop-qrst-uvwx");

describe("a dialog whose closing would lose something", () => {
  for (const [name, leave] of Object.entries(WAYS)) {
    it(`40 keeps the recovery codes until they are noted, against ${name}`, async () => {
      const page = await recoveryCodes();
      await leave(page);
      // Twice Escape closes the question, and not what it asks about.
      const stay = page.getByRole("button", { name: "Stay here" });
      if (name !== "Escape, twice") {
        await stay.click();
      }
      await eventually(() => stay.count(), 0);
      expect(await code(page).isVisible()).toBe(true);
      await page.getByRole("checkbox", { name: /kept the recovery codes/ }).check();
      await leave(page);
      await eventually(() => code(page).count(), 0);
    });
  }

  it("40 lets the user close it without them, once they were told", async () => {
    const page = await recoveryCodes();
    await page.keyboard.press("Escape");
    await page.getByText("are not shown again. Without them").last().waitFor();
    await page.getByRole("button", { name: "Close it all the same" }).click();
    await eventually(() => page.getByRole("dialog").count(), 0);
    expect(page.url()).toContain("#/settings/account");
  });

  it("7 asks before what is typed in a form is lost, and not where nothing is", async () => {
    const page = await open({ story: "details" });
    const change = page.getByRole("button", { name: "Change name and description" });
    await change.click();
    await page.keyboard.press("Escape");
    await eventually(() => page.getByRole("dialog").count(), 0);
    await change.click();
    const field = page.getByRole("dialog").getByLabel("Description");
    await field.fill("A long text about the pier.");
    await page.mouse.click(4, 4);
    await page.getByText("What you have typed here is lost").waitFor();
    await page.getByRole("button", { name: "Stay here" }).click();
    expect(await field.inputValue()).toBe("A long text about the pier.");
    await page.getByRole("dialog").getByRole("button", { name: "Cancel" }).click();
    await eventually(() => page.getByRole("dialog").count(), 0);
    expect(await calls(page, "room.change")).toEqual([]);
  });

  it("48 keeps the import open if the user chooses no file after all", async () => {
    const page = await open({ story: "history" });
    await page.getByRole("button", { name: "Import a backup" }).click();
    const file = page.getByRole("dialog").getByLabel("File of the backup");
    // The browser tells of it so, and the event comes up to the dialog.
    await file.evaluate((input) => input.dispatchEvent(new Event("cancel", { bubbles: true })));
    expect(await page.getByRole("dialog").count()).toBe(1);
    expect(await file.isVisible()).toBe(true);
  });

  it("50 asks before a backup that is being written is broken off", async () => {
    const page = await open({ story: "history", more: "&slow" });
    await page.getByRole("button", { name: "Export a backup" }).click();
    const dialog = page.getByRole("dialog").first();
    await dialog.getByRole("checkbox", { name: /written down/ }).check();
    await dialog.getByRole("button", { name: "Export a backup" }).click();
    await dialog.getByRole("progressbar").waitFor();
    await page.keyboard.press("Escape");
    await page.getByText("The backup is not finished").waitFor();
    await page.getByRole("button", { name: "Close it all the same" }).click();
    await eventually(() => page.getByRole("dialog").count(), 0);
  });
});
