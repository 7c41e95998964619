import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import { fail, open, useBrowser } from "./browser.ts";

useBrowser();

/** A form, the field that the relay rejects, and what sends it. */
const FORMS: Record<
  string,
  { story: string; field: string; label: string; send(page: Page): Promise<void> }
> = {
  "the name of a new account": {
    story: "login",
    field: "username",
    label: "Username",
    async send(page) {
      await page.getByRole("button", { name: "Create an account" }).click();
      await page.getByLabel("Username").fill("mira");
      await page.getByLabel("Password", { exact: true }).fill("correct horse");
      await page.getByRole("button", { name: "Create the account" }).click();
    },
  },
  "the mail address": {
    story: "account",
    field: "email",
    label: "Mail address",
    send: (page) => page.getByRole("button", { name: "Save" }).first().click(),
  },
  "the name of a room": {
    story: "new",
    field: "name",
    label: "Name",
    async send(page) {
      await page.getByLabel("Name", { exact: true }).fill("Pier");
      await page.getByRole("button", { name: "Create the room" }).click();
    },
  },
  "the description of a room": {
    story: "details",
    field: "description",
    label: "Description",
    async send(page) {
      await page.getByRole("button", { name: "Change name and description" }).click();
      await page.getByRole("dialog").getByRole("button", { name: "Save" }).click();
    },
  },
  "the name of a device": {
    story: "devices",
    field: "name",
    label: "Name of the device",
    async send(page) {
      await page.getByRole("button", { name: /Rename .*iPhone/ }).click();
      await page.getByRole("dialog").getByRole("button", { name: "Save" }).click();
    },
  },
};

describe("what is wrong in a form", () => {
  for (const [name, { story, field, label, send }] of Object.entries(FORMS)) {
    it(`44 is said aloud, stands with its field, and the field is where one types: ${name}`, async () => {
      const page = await open({ story });
      await fail(page, { key: "problem.invalid", values: {}, field });
      await send(page);
      const alert = page.getByRole("alert");
      await alert.waitFor();
      const input = page.getByLabel(label, { exact: true });
      expect(await input.getAttribute("aria-invalid")).toBe("true");
      const described = (await input.getAttribute("aria-describedby"))?.split(" ") ?? [];
      expect(described).toContain(await alert.getAttribute("id"));
      expect(await input.evaluate((element) => element === document.activeElement)).toBe(true);
      expect(await alert.textContent()).toContain("Something in the form is not allowed");
    });
  }
});
