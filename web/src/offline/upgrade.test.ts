/** An upgrade, and what an operator takes back. */
import { describe, expect, it } from "vitest";
import { FIRST, installed, NOW, SECOND, second, upgraded } from "../../test/fakes/page-store.ts";
import { confirm, fill, install, newest, UPGRADE_MAX } from "./store.ts";

describe("two versions behind one name", () => {
  it("the older one does not replace the newer one while both are there", async () => {
    const { world, one, two } = await upgraded();
    let now = NOW;
    for (let round = 0; round < 10; round += 1) {
      world.relay = { ...FIRST };
      await expect(install(world.scope, one, now)).rejects.toThrow("2-two is newer than 1-one");
      now += UPGRADE_MAX / 2;
      // The next request goes to a relay that is upgraded.
      world.relay = { ...SECOND };
      await confirm(world.scope, two);
    }
    await install(world.scope, two, now);
  });

  it("the older one comes back if the relays had no other for an hour", async () => {
    const { world, one, two } = await upgraded();
    world.relay = { ...FIRST };
    await expect(install(world.scope, one, NOW)).rejects.toThrow();
    await confirm(world.scope, two);
    await expect(install(world.scope, one, NOW + UPGRADE_MAX - 1)).rejects.toThrow();
    await install(world.scope, one, NOW + UPGRADE_MAX);
    // The hour begins anew after the next upgrade.
    world.relay = { ...SECOND };
    await install(world.scope, two, NOW + 2 * UPGRADE_MAX);
    world.relay = { ...FIRST };
    await expect(install(world.scope, one, NOW + 2 * UPGRADE_MAX)).rejects.toThrow();
  });

  it("a clock that was set back begins the hour anew", async () => {
    const { world, one } = await upgraded();
    world.relay = { ...FIRST };
    await expect(install(world.scope, one, NOW)).rejects.toThrow();
    await expect(install(world.scope, one, NOW - UPGRADE_MAX)).rejects.toThrow();
    await expect(install(world.scope, one, NOW - 1)).rejects.toThrow();
    await install(world.scope, one, NOW);
  });

  it("a newer one that was not installed to its end stands in nobody's way", async () => {
    const { world, one } = await installed();
    world.relay = { "/assets/a-2.js": "second" };
    await expect(install(world.scope, await second(), NOW)).rejects.toThrow();
    world.relay = { ...FIRST };
    await install(world.scope, one, NOW);
  });
});

describe("the newest page", () => {
  it("comes from the relay, and a later start does not fall back to the stored one", async () => {
    const { world, one } = await installed();
    world.relay = { ...SECOND };
    world.isFull = true;
    expect(await (await newest(world.scope, one)).text()).toBe(SECOND["/"]);
    expect(await world.text(one, "/")).toBe(SECOND["/"]);
    expect(await world.text(one, "/assets/a-2.js")).toBe("second");
  });

  it("is the stored one if the relay is away, has no page, or something else answers", async () => {
    const { world, one } = await installed();
    for (const relay of [{}, { "/": "<h1>Pay for the network</h1>" }]) {
      world.relay = relay;
      expect(await (await newest(world.scope, one)).text()).toBe(FIRST["/"]);
    }
    Object.assign(world.scope, { fetch: () => Promise.reject(new TypeError("no network")) });
    expect(await (await newest(world.scope, one)).text()).toBe(FIRST["/"]);
    expect(await world.text(one, "/")).toBe(FIRST["/"]);
  });

  it("is stored again if the relay has this version after all", async () => {
    const { world, one } = await installed();
    world.relay = { ...SECOND };
    await newest(world.scope, one);
    world.relay = { ...FIRST };
    await fill(world.scope, one);
    world.relay = {};
    expect(await world.text(one, "/")).toBe(FIRST["/"]);
  });
});
