import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import { calls, eventually, fail, open, useBrowser } from "./browser.ts";

useBrowser();

const wrongPassword = { key: "problem.not_your_password", values: {}, field: "password" };
const needsCode = { key: "problem.code_needed", values: {}, field: "code" };
const wrongCode = { key: "problem.code_wrong", values: {}, field: "code" };
const hasFocus = (page: Page, label: string) =>
  page.getByLabel(label, { exact: true }).evaluate((e) => e === document.activeElement);

describe("the proof of who asks", () => {
  it("44 says beside the field that the password is wrong, and asks for the code", async () => {
    const page = await open({ story: "account" });
    const form = page.getByRole("form", { name: "Change the password" });
    const submit = form.getByRole("button", { name: "Change the password" });
    await form.getByLabel("Password now").fill("no");
    await form.getByLabel("New password").fill("a longer horse");
    await fail(page, wrongPassword);
    await submit.click();
    await form.getByText("This is not your password").waitFor();
    await eventually(() => hasFocus(page, "Password now"), true);
    await form.getByLabel("Password now").fill("correct horse");
    await fail(page, needsCode);
    await submit.click();
    const code = form.getByLabel("Code of the second factor");
    await code.waitFor();
    await eventually(() => hasFocus(page, "Code of the second factor"), true);
    expect(await code.getAttribute("aria-invalid")).toBe("false");
    await code.fill("111 111");
    await fail(page, wrongCode);
    await submit.click();
    await form.getByText("This code is wrong").waitFor();
    await code.fill("287-082");
    await submit.click();
    await form.getByText("Saved.").waitFor();
    expect((await calls(page, "changePassword")).at(-1)).toEqual([
      { password: "correct horse", code: "287082" },
      "a longer horse",
    ]);
    expect(await form.getByLabel("Password now").inputValue()).toBe("");
  });

  it("44 names a weak new password, and a problem without a field", async () => {
    const page = await open({ story: "account" });
    const form = page.getByRole("form", { name: "Change the password" });
    await form.getByLabel("Password now").fill("correct horse");
    await form.getByLabel("New password").fill("password1");
    await fail(page, { key: "problem.weak_password", values: {}, field: "new_password" });
    await form.getByRole("button", { name: "Change the password" }).click();
    await form.getByText("This password is easy to guess").waitFor();
    await fail(page, { key: "problem.unknown", values: { code: "moon", detail: "x" }, field: "moon" });
    await form.getByRole("button", { name: "Change the password" }).click();
    await form.getByRole("alert").waitFor();
  });

  it("44 deletes the account with the password and the code", async () => {
    const page = await open({ story: "account" });
    await page.getByRole("button", { name: "Delete the account" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Password", { exact: true }).fill("correct horse");
    await fail(page, needsCode);
    await dialog.getByRole("button", { name: "Delete the account" }).click();
    await dialog.getByLabel("Code of the second factor").fill("287082");
    await dialog.getByRole("button", { name: "Delete the account" }).click();
    await eventually(
      async () => (await calls(page, "deleteAccount")).at(-1),
      [{ password: "correct horse", code: "287082" }],
    );
  });

  it("34 logs a device out, with the password if the relay asks for it", async () => {
    const page = await open({ story: "devices" });
    await page.getByRole("button", { name: /Log out .*iPhone/ }).click();
    const dialog = page.getByRole("dialog");
    const submit = dialog.getByRole("button", { name: "Log out", exact: true });
    await fail(page, { key: "problem.password_needed", values: {} });
    await submit.click();
    await dialog.getByLabel("Password", { exact: true }).fill("no");
    await fail(page, wrongPassword);
    await submit.click();
    await dialog.getByText("This is not your password").waitFor();
    await dialog.getByLabel("Password", { exact: true }).fill("correct horse");
    await submit.click();
    await eventually(() => page.getByRole("dialog").count(), 0);
    expect((await calls(page, "logOutDevice")).at(-1)?.[1]).toEqual({ password: "correct horse" });
  });

  it("34 asks for the password in the notice of a new login too", async () => {
    const page = await open({ story: "notices" });
    await fail(page, { key: "problem.password_needed", values: {} });
    await page.getByRole("button", { name: "Log it out" }).click();
    await page.getByRole("dialog").getByLabel("Password", { exact: true }).fill("correct horse");
    await page.getByRole("dialog").getByRole("button", { name: "Log out", exact: true }).click();
    await eventually(async () => (await calls(page, "logOutDevice")).length, 2);
  });

  it("sets the second factor up, and turns it off", async () => {
    const page = await open({ story: "account" });
    await page.getByRole("button", { name: "Set up the second factor" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Password", { exact: true }).fill("correct horse");
    await dialog.getByRole("button", { name: "Next" }).click();
    await dialog.getByRole("img", { name: "QR code for the app" }).waitFor();
    await dialog.getByText("GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ").waitFor();
    await eventually(() => hasFocus(page, "Code of the second factor"), true);
    await page.keyboard.type("287082");
    await page.keyboard.press("Enter");
    await dialog.getByText("abc9-efgh-ijkl-mnop-qrst-uvwx").waitFor();
    await dialog.getByRole("button", { name: "Copy the codes" }).click();
    await dialog.getByRole("button", { name: "Copied" }).waitFor();
    expect((await page.evaluate(() => navigator.clipboard.readText())).split("\n").length).toBe(10);
    expect(await dialog.getByRole("button", { name: "Done" }).isDisabled()).toBe(true);
    await dialog.getByRole("checkbox", { name: /kept the recovery codes/ }).check();
    await dialog.getByRole("button", { name: "Done" }).click();
    await page.getByText(/second factor is on\. .*10.* recovery codes/).waitFor();

    await page.getByRole("button", { name: "Turn off the second factor" }).click();
    await dialog.getByLabel("Password", { exact: true }).fill("correct horse");
    await dialog.getByLabel("Code of the second factor").fill("abcd-efgh");
    await dialog.getByRole("button", { name: "Turn off the second factor" }).click();
    await page.getByRole("button", { name: "Set up the second factor" }).waitFor();
    expect(await calls(page, "second.end")).toEqual([[{ password: "correct horse", code: "abcdefgh" }]]);
  });

  it("logs in, and does not register again, after a login that failed", async () => {
    const page = await open({ story: "login" });
    await page.getByRole("button", { name: "Create an account" }).click();
    await page.getByLabel("Username").fill("mira");
    await page.getByLabel("Password", { exact: true }).fill("correct horse");
    const submit = page.getByRole("button", { name: "Create the account" });
    await page.evaluate("ferry.app.problems.push(undefined)");
    await fail(page, { key: "problem.unreachable", values: {} });
    await submit.click();
    await page.getByRole("alert").waitFor();
    await page.getByText("The account is created").waitFor();
    await page.getByRole("button", { name: "Log in" }).first().click();
    await page.getByRole("heading", { name: "This device starts empty" }).waitFor();
    expect(await calls(page, "register")).toHaveLength(1);
    expect(await calls(page, "login")).toHaveLength(2);
  });
});
