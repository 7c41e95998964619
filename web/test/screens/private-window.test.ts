/** A private window looks like any other, so the page warns of it wherever nothing is protected. */
import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import { eventually, inWorld, open, useBrowser } from "./browser.ts";

useBrowser();

const WORDS = "If this is a private window, the history goes when you close it.";
const protection = (page: Page, its: string) =>
  inWorld(page, `ferry.app.historyStatus.value = { ...ferry.app.historyStatus.value, protection: "${its}" }`);

describe("F11 a private window", () => {
  it("F11 is warned of before the login, unless the browser protects what is stored", async () => {
    const page = await open({ story: "login" });
    expect(await page.getByText(WORDS).count()).toBe(0);
    for (const unprotected of ["not_asked", "refused", "ios_not_installed"]) {
      await protection(page, unprotected);
      await page.getByText(WORDS).waitFor();
    }
    await page.getByRole("button", { name: "Create an account" }).click();
    await page.getByLabel("Name that others see").waitFor();
    await page.getByText(WORDS).waitFor();
    await protection(page, "protected");
    await eventually(() => page.getByText(WORDS).count(), 0);
  });

  it("F11 is warned of where the settings tell of the history", async () => {
    const page = await open({ story: "history" });
    await page.getByText("The history is protected").waitFor();
    expect(await page.getByText(WORDS).count()).toBe(0);
    await protection(page, "refused");
    await page.getByText(WORDS).waitFor();
  });
});
