import "fake-indexeddb/auto";
import { expect, it } from "vitest";
import { BOB, ME, ROOM, text } from "../../test/fakes/ids.ts";
import { useScreen } from "../../test/fakes/screen.ts";
import { until } from "../../test/fakes/tab.ts";
import { excerptOf } from "./search.ts";

const screen = useScreen();

it("36: a search pauses, goes on when it is asked to, and says when there is no more", async () => {
  const page = await screen().loggedIn();
  for (let at = 1; at <= 700; at += 1) {
    screen().relay.publish(text(at, `ferry ${at}`));
  }
  await until(() => screen().relay.acked.length === 700);
  const search = page.app.search({ words: "ferry", room: ROOM });
  await until(() => search.state.value === "paused");
  const first = search.hits.value.length;
  expect(first).toBeGreaterThanOrEqual(50);
  expect(first).toBeLessThan(700);
  search.more();
  await until(() => search.state.value !== "paused");
  for (let step = 0; step < 40 && search.hits.value.length < 700; step += 1) {
    await until(() => search.state.value !== "running");
    search.more();
  }
  await until(() => search.state.value === "done");
  expect(search.hits.value.length).toBe(700);
  const times = search.hits.value.map(({ at }) => at);
  expect(times).toEqual([...times].sort((one, other) => other - one));
});

it("36: few hits are all there at once, and nothing more is offered", async () => {
  const page = await screen().loggedIn();
  screen().relay.publish(text(1, "the lighthouse"));
  screen().relay.publish(text(2, "the harbour"));
  await until(() => screen().relay.acked.length === 2);
  const search = page.app.search({ words: "light", from: BOB });
  await until(() => search.state.value === "done");
  expect(search.hits.value.map(({ excerpt }) => excerpt)).toEqual(["the lighthouse"]);
});

it("36: a search in a store that cannot be read says so", async () => {
  const page = await screen().loggedIn();
  const { getAll } = IDBObjectStore.prototype;
  IDBObjectStore.prototype.getAll = function (...values: Parameters<typeof getAll>) {
    if (this.name === "rooms") {
      throw new DOMException("broken", "UnknownError");
    }
    return getAll.apply(this, values);
  };
  const search = page.app.search({ words: "light" });
  await until(() => search.state.value === "failed");
  IDBObjectStore.prototype.getAll = getAll;
});

it("36: brings what fits, with the words marked, and stops when it is told to", async () => {
  const page = await screen().loggedIn();
  for (let at = 1; at <= 120; at += 1) {
    screen().relay.publish(text(at, `the ferry number ${at}`));
  }
  await until(() => screen().relay.acked.length === 120);
  const search = page.app.search({ words: "FERRY" });
  await until(() => search.hits.value.length >= 50);
  const hits = search.hits.value;
  expect(hits[0]).toMatchObject({
    roomName: "trip",
    author: "bob",
    excerpt: "the ferry number 120",
    marks: [[4, 9]],
  });
  search.more();
  await until(() => search.state.value === "done");
  expect(search.hits.value.length).toBe(120);
  const other = page.app.search({ words: "ferry", from: ME });
  await until(() => other.state.value === "done");
  expect(other.hits.value).toEqual([]);
});

it("marks what a folded word is in the text", () => {
  expect(excerptOf("Große Ｗide İstanbul", ["wide"])).toEqual({
    excerpt: "Große Ｗide İstanbul",
    marks: [[6, 10]],
  });
  const long = `${"a ".repeat(100)}needle${" b".repeat(100)}`;
  const { excerpt, marks } = excerptOf(long, ["needle"]);
  expect(excerpt.length).toBeLessThan(170);
  expect(excerpt.slice(...(marks[0] ?? [0, 0]))).toBe("needle");
});
