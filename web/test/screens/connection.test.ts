/** What a user sees of the connection, and of others through it. */
import { describe, expect, it } from "vitest";
import { calls, eventually, inWorld, open, useBrowser } from "./browser.ts";

useBrowser();

describe("the connection", () => {
  it("31 says why there is none and counts down, and tries at once if the user asks for it", async () => {
    const page = await open({ story: "offline" });
    const strip = page.locator(".strip.warn");
    const words = async () => (await strip.textContent())?.replace(/[\u2066-\u2069]/g, "") ?? "";
    expect(await words()).toContain("The relay cannot be reached. Check your connection.");
    expect(await words()).toContain("3 messages will be sent");
    const left = async () => Number(/Next try in (?:0:)?(\d+)/.exec(await words())?.[1]);
    const first = await left();
    expect(first).toBeGreaterThan(0);
    await eventually(async () => (await left()) < first, true);
    await strip.getByRole("button", { name: "Try now" }).click();
    expect(await calls(page, "tryNow")).toHaveLength(1);
    await inWorld(page, 'ferry.app.state.value = { is: "online" }');
    await eventually(() => strip.count(), 0);
  });

  it("31 does not count to a time that has passed", async () => {
    const page = await open({ story: "offline" });
    await inWorld(page, "ferry.app.state.value = { ...ferry.app.state.value, retryAt: Date.now() - 1_000 }");
    await eventually(async () => (await page.locator(".strip.warn").textContent())?.includes("Next"), false);
    await page.getByRole("button", { name: "Try now" }).waitFor();
  });
});

describe("33 who is here", () => {
  it('33 says "last seen" only where the relay has told it', async () => {
    const page = await open({ story: "direct" });
    const said = page.locator(".head .sub");
    const tell = (presence: string) =>
      inWorld(
        page,
        `(() => { const { row } = ferry.app.openRoom(ferry.ROOM.bob);
          const { presence: _, ...rest } = row.value;
          row.value = ${presence === "" ? "rest" : `{ ...rest, presence: ${presence} }`}; })()`,
      );
    expect(await said.textContent()).toBe("Online");
    await tell("{ lastSeenAt: Date.now() - 3 * 3_600_000 }");
    await eventually(async () => (await said.textContent())?.includes("Last seen"), true);
    // Somebody who tells nobody.
    await tell("{}");
    await eventually(() => said.textContent(), "Direct messages");
    // The connection went, and nobody knows.
    await tell("");
    await eventually(() => said.textContent(), "Direct messages");
  });

  it("33 tells no more who writes when it is not known any more", async () => {
    const page = await open({ story: "room" });
    const line = page.locator(".writing-line");
    await line.locator(".dots").waitFor();
    await inWorld(
      page,
      "(({ row }) => { row.value = { ...row.value, writing: [] }; })(ferry.app.openRoom(ferry.ROOM.trip))",
    );
    await eventually(() => line.locator(".dots").count(), 0);
    expect(await line.textContent()).toBe("");
  });
});
