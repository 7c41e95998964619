import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import { calls, eventually, inWorld, open, useBrowser } from "./browser.ts";

useBrowser();

const field = (page: Page) => page.locator(".writing-row textarea");
const sent = async (page: Page) => (await calls(page, "room.send")).map(([text]) => text);

describe("the composer", () => {
  it("1 sends with Enter, breaks with Shift and Enter, and the setting swaps them", async () => {
    const page = await open({ story: "direct" });
    await field(page).pressSequentially("one");
    await field(page).press("Shift+Enter");
    await field(page).pressSequentially("two");
    expect(await sent(page)).toEqual([]);
    await field(page).press("Enter");
    await eventually(() => sent(page), ["one\ntwo"]);
    expect(await field(page).inputValue()).toBe("");

    await inWorld(page, "ferry.app.settings.set({ enterSends: false })");
    await field(page).pressSequentially("three");
    await field(page).press("Enter");
    await field(page).pressSequentially("four");
    expect(await sent(page)).toHaveLength(1);
    await field(page).press("Shift+Enter");
    await eventually(() => sent(page), ["one\ntwo", "three\nfour"]);
  });

  it("1 sends nothing while an input method composes", async () => {
    const page = await open({ story: "direct" });
    await field(page).fill("にほん");
    for (const keys of [{ isComposing: true }, { keyCode: 229 }]) {
      await field(page).dispatchEvent("keydown", { key: "Enter", bubbles: true, ...keys });
    }
    expect(await sent(page)).toEqual([]);
    expect(await field(page).inputValue()).toBe("にほん");
  });

  it("6 keeps a text that is too long, says by how much, and does not send it", async () => {
    const page = await open({ story: "direct" });
    await field(page).fill("я".repeat(40_000));
    await page.locator(".excess").waitFor();
    expect(await page.locator(".excess").textContent()).toContain("bytes too long");
    await field(page).press("Enter");
    expect(await page.getByRole("button", { name: "Send" }).isDisabled()).toBe(true);
    expect(await sent(page)).toEqual([]);
    expect((await field(page).inputValue()).length).toBe(40_000);
  });

  it("9 edits the last own message with the up arrow, and Escape cancels", async () => {
    const page = await open({ story: "direct" });
    await field(page).press("ArrowUp");
    await eventually(() => field(page).inputValue(), "Yes. Half past twelve?");
    await field(page).press("Escape");
    await eventually(() => field(page).inputValue(), "");
    expect(await page.locator(".writing-bar").count()).toBe(0);

    await field(page).press("ArrowUp");
    await eventually(() => field(page).inputValue(), "Yes. Half past twelve?");
    await field(page).fill("Yes. At one?");
    await field(page).press("Enter");
    await page.locator(".message.mine", { hasText: "Yes. At one?" }).getByText("edited").waitFor();
  });

  it("9 leaves the arrow alone where there is text", async () => {
    const page = await open({ story: "direct" });
    await field(page).pressSequentially("hello");
    await field(page).press("ArrowUp");
    expect(await field(page).inputValue()).toBe("hello");
    expect(await page.locator(".writing-bar").count()).toBe(0);
  });

  it("10 replies with a quote", async () => {
    const page = await open({ story: "direct" });
    const row = page.locator(".message", { hasText: "Lunch today?" });
    await row.hover();
    await row.getByRole("button", { name: "Reply" }).click();
    expect(await page.locator(".writing-bar").textContent()).toContain(
      "Lunch today? The place with the blue door.",
    );
    await field(page).pressSequentially("Yes!");
    await field(page).press("Enter");
    await page
      .locator(".message.mine", { hasText: "Yes!" })
      .locator(".quote", { hasText: "Lunch today?" })
      .waitFor();
    expect(await page.locator(".writing-bar").count()).toBe(0);
  });

  it("11 completes a person after @, with the keys alone", async () => {
    const page = await open({ story: "room" });
    await field(page).pressSequentially("Thanks @an");
    await page.getByRole("option", { name: /Ann Okafor/ }).waitFor();
    await field(page).press("Enter");
    await eventually(() => field(page).inputValue(), "Thanks @ann ");
    await field(page).pressSequentially("and @bob.");
    await field(page).press("Escape");
    await field(page).press("Enter");
    const draft = async () =>
      (await calls(page, "room.send")).map(([, about]) => (about as { mentions: string[] }).mentions.length);
    await eventually(draft, [2]);
  });

  it("11 completes an emoji after a colon", async () => {
    const page = await open({ story: "direct" });
    await field(page).pressSequentially("on the :ferry");
    await page.getByRole("option", { name: /ferry/ }).waitFor();
    await field(page).press("Tab");
    await eventually(() => field(page).inputValue(), "on the ⛴️ ");
  });

  it("11 offers a picker, which loads its data when it is opened", async () => {
    const page = await open({ story: "direct" });
    await field(page).pressSequentially("so nice");
    await page.getByRole("button", { name: "Emoji" }).click();
    await page.getByRole("searchbox", { name: "Find an emoji" }).fill("lighthouse");
    await page.getByRole("searchbox", { name: "Find an emoji" }).fill("anchor");
    await page.getByRole("button", { name: "anchor", exact: true }).click();
    await eventually(() => field(page).inputValue(), "so nice⚓️");
  });

  it("12 scrolls to the end when the user sends", async () => {
    const page = await open({ story: "long" });
    await page.locator(".timeline").evaluate((log) => {
      log.scrollTop -= 2_000;
    });
    await page.locator(".to-end").waitFor();
    await field(page).pressSequentially("here I am");
    await field(page).press("Enter");
    await page.locator(".message.mine", { hasText: "here I am" }).waitFor();
    const left = () =>
      page.locator(".timeline").evaluate((log) => log.scrollHeight - log.scrollTop - log.clientHeight < 2);
    await eventually(left, true);
  });
});
