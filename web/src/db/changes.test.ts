import { expect, it } from "vitest";
import { Channels } from "../../test/fakes/tabs.ts";
import { Bus, type Signal } from "./changes.ts";

it("carries signals to the other tabs, and says nothing after it is closed", async () => {
  const channels = new Channels();
  const [one, other] = [new Bus(channels.open()), new Bus(channels.open())];
  const heard: Signal[] = [];
  other.listen((signal) => heard.push(signal));
  one.changed("rooms");
  await Promise.resolve();
  one.close();
  // What was under way when the tab closed ends late. A closed channel of a browser fails.
  one.changed("people");
  one.post({ is: "ask" });
  await Promise.resolve();
  expect(heard).toEqual([{ is: "changed", topics: ["rooms"] }]);
});
