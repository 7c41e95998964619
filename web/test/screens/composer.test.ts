import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import { calls, eventually, fail, inWorld, open, useBrowser } from "./browser.ts";

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

  it("7 keeps what is typed while a message is edited or answered from its menu", async () => {
    const page = await open({ story: "direct" });
    const choose = async (text: string, item: string) => {
      await page.locator(".bubble", { hasText: text }).click({ button: "right" });
      await page.getByRole("menuitem", { name: item, exact: true }).click();
    };
    await field(page).pressSequentially("half a thought");
    await choose("Half past twelve?", "Edit");
    await eventually(() => field(page).inputValue(), "Yes. Half past twelve?");
    await field(page).press("Escape");
    await eventually(() => field(page).inputValue(), "half a thought");

    await choose("Half past twelve?", "Edit");
    await eventually(() => field(page).inputValue(), "Yes. Half past twelve?");
    await field(page).fill("Yes. At one?");
    await field(page).press("Enter");
    await page.locator(".message.mine", { hasText: "Yes. At one?" }).getByText("edited").waitFor();
    await eventually(() => field(page).inputValue(), "half a thought");

    await choose("Lunch today?", "Reply");
    await page.locator(".writing-bar", { hasText: "Reply to" }).waitFor();
    expect(await field(page).inputValue()).toBe("half a thought");
    await choose("At one?", "Edit");
    await eventually(() => field(page).inputValue(), "Yes. At one?");
    await choose("Lunch today?", "Reply");
    await eventually(() => field(page).inputValue(), "half a thought");
    await field(page).press("Escape");
    expect(await page.locator(".writing-bar").count()).toBe(0);
    expect(await field(page).inputValue()).toBe("half a thought");
  });

  it("7 leaves the text in the field if the disk does not take it, and says why", async () => {
    const page = await open({ story: "direct" });
    await field(page).pressSequentially("the only copy");
    await fail(page, { key: "problem.storage_full", values: {} });
    await field(page).press("Enter");
    await page.getByRole("alert").getByText("The disk of this device is full").waitFor();
    expect(await field(page).inputValue()).toBe("the only copy");
    await field(page).press("Enter");
    await page.locator(".message.mine", { hasText: "the only copy" }).waitFor();
    await eventually(() => field(page).inputValue(), "");
    await inWorld(
      page,
      "ferry.app.openRoom(ferry.ROOM.bob).trouble.value = { key: 'problem.storage_full', values: {} }",
    );
    await page.getByText("What you write is not stored").waitFor();
  });

  it("5 gives a rejected edit back, and what was typed after it", async () => {
    const page = await open({ story: "trouble" });
    await field(page).pressSequentially("meanwhile");
    const row = page.locator(".message", { hasText: "It has 12 pages." });
    await row.getByText("Your change was not taken").waitFor();
    await row.getByRole("button", { name: "Edit" }).click();
    await eventually(() => field(page).inputValue(), "the rejected edit");
    await page.locator(".writing-bar", { hasText: "You edit a message" }).waitFor();
    await field(page).press("Escape");
    await eventually(() => field(page).inputValue(), "meanwhile");
  });

  it("44 says what to do after a fault of its own, and not what somebody wrote", async () => {
    const page = await open({ story: "details" });
    await fail(page, { key: "throw" });
    await page.getByRole("switch", { name: /Mute/ }).click();
    const alert = page.getByRole("alert");
    await alert.getByText("Reload the page and try again").waitFor();
    expect(await alert.textContent()).not.toContain("somebody");
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
    // The user writes on where the emoji is.
    await eventually(() => field(page).evaluate((e) => e === document.activeElement), true);
    await field(page).evaluate((e: HTMLTextAreaElement) => e.setSelectionRange(2, 2));
    await page.getByRole("button", { name: "Emoji" }).click();
    await page.getByRole("searchbox", { name: "Find an emoji" }).fill("anchor");
    await page.getByRole("button", { name: "anchor", exact: true }).click();
    await eventually(() => field(page).inputValue(), "so⚓️ nice⚓️");
    await page.keyboard.type("!");
    await eventually(() => field(page).inputValue(), "so⚓️! nice⚓️");
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
