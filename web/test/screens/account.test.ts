import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import { calls, eventually, fail, inWorld, open, useBrowser } from "./browser.ts";

useBrowser();

async function logIn(page: Page): Promise<void> {
  await page.getByLabel("Username").fill("mira");
  await page.getByLabel("Password", { exact: true }).fill("correct horse");
  await page.getByRole("button", { name: "Log in" }).click();
}

describe("the account", () => {
  it("44 shows the relay's words and the code of a problem without words", async () => {
    const page = await open({ story: "login" });
    await fail(page, { key: "problem.moon", values: {}, detail: "the moon is full" });
    await logIn(page);
    const alert = page.getByRole("alert");
    await alert.waitFor();
    expect(await alert.textContent()).toMatch(/the moon is full.*moon/);
  });

  it("45 keeps the name after a wrong password", async () => {
    const page = await open({ story: "login" });
    await fail(page, { key: "problem.wrong_password", values: {} });
    await logIn(page);
    await page.getByText("The username or the password is wrong").waitFor();
    expect(await page.getByLabel("Username").inputValue()).toBe("mira");
  });

  it("45 counts down a rate limit, and lets the user try again after it", async () => {
    const page = await open({ story: "login" });
    await page.clock.install({ time: new Date("2026-11-24T10:24:00Z") });
    await inWorld(
      page,
      "ferry.app.problems.push({ key: 'problem.rate_limited', values: {}, retryAt: Date.now() + 30_000 })",
    );
    await logIn(page);
    // The clock goes on by itself too, so a slow machine sees fewer seconds.
    const left = async () =>
      Number(/0:(\d\d)/.exec((await page.getByRole("timer").textContent()) ?? "")?.[1]);
    await page.getByText(/Try again in .*0:[0-3]\d/).waitFor();
    const first = await left();
    expect(await page.getByRole("button", { name: "Log in" }).isDisabled()).toBe(true);
    await page.clock.runFor(10_000);
    await eventually(async () => (await left()) <= first - 10, true);
    await page.clock.runFor(21_000);
    await page.getByText("You can try again now").waitFor();
    expect(await page.getByRole("button", { name: "Log in" }).isEnabled()).toBe(true);
  });

  it("45 lets the user choose which of 16 devices to replace", async () => {
    const page = await open({ story: "login-devices" });
    await logIn(page);
    await page.getByText("Log one out on another device").waitFor();
    const choices = page.getByRole("radio");
    expect(await choices.count()).toBe(16);
    const submit = page.getByRole("button", { name: "Replace it and log in" });
    expect(await submit.isDisabled()).toBe(true);
    await choices.first().check();
    await submit.click();
    await eventually(async () => (await calls(page, "login")).length, 2);
    const [form] = (await calls(page, "login"))[1] as [{ replaces: string; username: string }];
    expect(form.username).toBe("mira");
    expect(form.replaces).toMatch(/^01a1fc98-/);
  });

  it("45 asks for the code of the second factor when the relay wants one", async () => {
    const page = await open({ story: "login" });
    await fail(page, { key: "problem.code_needed", values: {} });
    await logIn(page);
    await page.getByLabel("Code of the second factor").fill("123 456");
    await page.getByRole("button", { name: "Log in" }).click();
    await eventually(
      async () => ((await calls(page, "login"))[1]?.[0] as { code?: string } | undefined)?.code,
      "123456",
    );
    await page.getByRole("heading", { name: "This device starts empty" }).waitFor();
  });

  it("46 asks what becomes of the history, and proposes to delete it on a shared computer", async () => {
    const page = await open({ story: "settings" });
    await page.getByRole("button", { name: "Log out" }).click();
    await page.getByRole("dialog").waitFor();
    expect(await page.getByRole("radio", { name: /Keep it/ }).isChecked()).toBe(true);
    expect(await page.getByRole("button", { name: "Export a backup first" }).count()).toBe(1);
    await page.getByRole("radio", { name: /Delete it/ }).check();
    await page.getByRole("dialog").getByRole("button", { name: "Log out" }).click();
    await eventually(() => calls(page, "logout"), [["delete"]]);

    const shared = await open({ story: "login" });
    await shared.getByRole("checkbox", { name: /Others use this computer/ }).check();
    await logIn(shared);
    await shared.getByRole("heading", { name: "This device starts empty" }).waitFor();
    await shared.getByRole("link", { name: "Settings" }).click();
    await shared.getByRole("button", { name: "Log out" }).click();
    await eventually(() => shared.getByRole("radio", { name: /Delete it/ }).isChecked(), true);
  });

  it("47 keeps the history of a login that ended elsewhere, or erases it by a click", async () => {
    const page = await open({ story: "logged-out" });
    expect(await page.locator("main").textContent()).toContain(
      "mira is still in this browser, hidden".replace("mira", "mira"),
    );
    expect(await page.getByLabel("Username").count()).toBe(0);
    await page.getByRole("button", { name: "Erase the history here" }).click();
    expect(await calls(page, "erase")).toEqual([]);
    await page.getByRole("dialog").getByRole("button", { name: "Erase the history here" }).click();
    await eventually(() => calls(page, "erase"), [[]]);
  });

  it("48 explains an empty device, and offers the import", async () => {
    const page = await open({ story: "empty-device" });
    await page.getByText("Ferry keeps no messages on the relay").waitFor();
    await page.getByRole("link", { name: "Import a backup" }).click();
    await page.getByRole("button", { name: "Import a backup" }).click();
    await page.getByLabel("File of the backup").setInputFiles({
      name: "ferry.tar.age",
      mimeType: "application/octet-stream",
      buffer: Buffer.from("x"),
    });
    await page.getByRole("textbox", { name: "Passphrase" }).fill("seven otters");
    await fail(page, { key: "problem.not_vouched", values: {} });
    await page.getByRole("dialog").getByRole("button", { name: "Import a backup" }).click();
    await page.getByRole("button", { name: "Import it all the same" }).click();
    await page.getByText("1,204 messages were added").waitFor();
    expect((await calls(page, "importFrom")).at(-1)).toEqual([
      { passphrase: "seven otters", isTrusted: true },
    ]);
  });

  it("50 exports only after the passphrase is noted", async () => {
    const page = await open({ story: "history" });
    await page.getByRole("button", { name: "Export a backup" }).click();
    const dialog = page.getByRole("dialog");
    const run = dialog.getByRole("button", { name: "Export a backup" });
    expect(await run.isDisabled()).toBe(true);
    await dialog.getByRole("checkbox", { name: /written down/ }).check();
    const saved = page.waitForEvent("download");
    await run.click();
    expect((await saved).suggestedFilename()).toBe("ferry-mira-2026-11-24.tar.age");
  });

  it("5 tells a refusal for now from one for good, and gives the text back", async () => {
    const page = await open({ story: "trouble" });
    await page.locator(".trouble.soft", { hasText: "Try again in" }).waitFor();
    const failed = page.locator(".message.failed");
    expect(await failed.textContent()).toContain("This is too long");
    await failed.getByRole("button", { name: "Edit" }).click();
    await eventually(() => page.locator("textarea").inputValue(), "And the last one, with all the tables.");
    expect(await page.locator(".message.failed").count()).toBe(0);
  });

  it("8 says that somebody has no device", async () => {
    const page = await open({ story: "trouble" });
    await page.getByText(/has no device logged in; nothing is kept for them/).waitFor();
  });

  it("34 lets the user log out a new login from its notice", async () => {
    const page = await open({ story: "notices" });
    await page.getByText(/New login: .*Chrome on Windows.* from .*198\.51\.100\.7/).waitFor();
    await page.getByRole("button", { name: "Log it out" }).click();
    await eventually(async () => (await calls(page, "logOutDevice")).length, 1);
  });
});
