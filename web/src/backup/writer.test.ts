import { readFileSync } from "node:fs";
import { identityToRecipient } from "age-encryption";
import { describe, expect, it } from "vitest";
import { type Item, itemOf, lineOf } from "../core/item.ts";
import { files } from "./files.ts";
import { identitiesOf, macKey } from "./key.ts";
import { readBackup } from "./reader.ts";
import { BadRecipient, Changed, type Lock, type Plan, writeBackup } from "./writer.ts";

const directory = new URL("../../../testdata/backup/v1/", import.meta.url);
const file = (name: string) => new Uint8Array(readFileSync(new URL(name, directory)));
const [identity = ""] = identitiesOf(new TextDecoder().decode(file("recovery.txt")));
const recipient = await identityToRecipient(identity);
const key = { identities: [identity] };

async function itemsOf(blob: Blob, opens: typeof key | { passphrase: string } = key) {
  const items: Item[] = [];
  const whole = await readBackup(blob, opens, { item: (item) => items.push(item) });
  return { items, whole };
}

function plan(lock: Lock): Plan {
  const user = "01a22b83-a81d-71a5-9e63-ac60e9e75ead";
  return {
    lock,
    app: "test",
    server: "http://127.0.0.1",
    user,
    now: 1_790_000_000_000,
    holes: 2,
    whole: [[1, 5]],
  };
}

async function written(lock: Lock, items: Item[]): Promise<Blob> {
  return new Response(await writeBackup(plan(lock), () => items)).blob();
}

describe("a backup", () => {
  it.each(["one-of-everything", "deleted", "unknown-fields", "times-and-texts", "empty", "increment"])(
    "%s that was read is written the same again",
    async (name) => {
      const first = await itemsOf(new Blob([file(`${name}.age`)]));
      const again = await itemsOf(await written({ recipient, macKey: macKey(identity) }, first.items));
      expect(again.items.map(lineOf)).toEqual(first.items.map(lineOf));
      expect(again.whole).toMatchObject({ digest: first.whole.digest, isVouched: true, unknown: [] });
      expect(again.whole.manifest).toMatchObject({ counts: first.whole.manifest.counts, holes: 2 });
      expect(again.whole.manifest.whole).toEqual([[1, 5]]);
    },
  );

  it("without the key of the MAC is not vouched for", async () => {
    const { whole } = await itemsOf(await written({ recipient }, []));
    expect(whole.isVouched).toBe(false);
  });

  it("is not written for a key that no reader of Ferry has", async () => {
    const wrong = recipient.replace(/.$/, (last) => (last === "q" ? "p" : "q"));
    for (const other of [wrong, "age1pq1qqqqqqqq", "age1tag1qqqqqqqq", identity, "", `${recipient} `]) {
      await expect(written({ recipient: other }, [])).rejects.toBeInstanceOf(BadRecipient);
    }
  });

  it("with a passphrase opens with it", async () => {
    const lock = { passphrase: "correct-horse-battery-staple" };
    const { whole } = await itemsOf(await written(lock, []), lock);
    expect(whole.isVouched).toBe(true);
  });

  it("of which two readings differ is not written", async () => {
    const { items } = await itemsOf(new Blob([file("one-of-everything.age")]));
    let turn = 0;
    const source = () => items.slice(turn++ * items.length);
    const stream = await writeBackup(plan({ recipient }), source);
    await expect(new Response(stream).blob()).rejects.toThrow();
  });

  it("of which a reading has one more report of a delivery is not written", async () => {
    const { items } = await itemsOf(new Blob([file("one-of-everything.age")]));
    const line = `{"message":"${id(1)}","user":"${id(2)}","device":"${id(3)}","what":"delivered","at":1}`;
    const place = items.findIndex(({ section }) => section !== "cells");
    const more = [...items.slice(0, place), itemOf("outcomes", line), ...items.slice(place)];
    // The digest leaves out such reports, and the manifest counts them.
    let turn = 0;
    const source = () => (turn++ === 0 ? items : more);
    const stream = await writeBackup(plan({ recipient }), source);
    await expect(new Response(stream).blob()).rejects.toBeInstanceOf(Changed);
  });
});

const id = (number: number) => `00000000-0000-7000-8000-${`${number}`.padStart(12, "0")}`;

function message(number: number, sentAt: number, body: string): Item {
  const from = { user: id(1), device: id(2), role: "member" };
  const line = {
    id: id(number),
    room: id(3),
    from,
    kind: "text",
    body,
    epoch: 1,
    seq: number,
    sent_at: sentAt,
  };
  return itemOf("messages", JSON.stringify(line));
}

async function namesOf(items: Item[]): Promise<[string, number][]> {
  const names: [string, number][] = [];
  async function* given() {
    yield* items;
  }
  for await (const { name, content } of files(given())) {
    names.push([name, content.length]);
  }
  return names;
}

describe("the files", () => {
  it("of cells are there also without records", async () => {
    const all = ["rooms.jsonl", "people.jsonl", "cells.jsonl"];
    expect((await namesOf([])).map(([name]) => name)).toEqual(all);
    const cursor = itemOf(
      "cells",
      `{"kind":"cursor","key":"${id(3)}","stamp":1,"value":{"up_to":"${id(4)}"}}`,
    );
    const person = itemOf("cells", `{"kind":"person","key":"${id(3)}","stamp":1,"value":{"username":"x"}}`);
    for (const items of [[cursor], [person], [person, cursor], [person, message(1, 1, "x")]]) {
      expect((await namesOf(items)).map(([name]) => name).slice(0, 3)).toEqual(all);
    }
    await expect(namesOf([cursor, person])).rejects.toThrow("order");
  });

  it("of messages are months, in parts of 4 MiB", async () => {
    const long = "x".repeat(900_000);
    const november = 1_795_000_000_000;
    const items = Array.from({ length: 6 }, (_, at) => message(at + 10, november + at, long));
    const names = await namesOf([message(1, 5, "old"), ...items]);
    expect(names.slice(3).map(([name]) => name)).toEqual([
      "messages/1970-01.0001.jsonl",
      "messages/2026-11.0001.jsonl",
      "messages/2026-11.0002.jsonl",
    ]);
    expect(names.every(([, size]) => size <= 4 << 20)).toBe(true);
    await expect(namesOf([...items, message(1, 5, "old"), message(2, november, "again")])).rejects.toThrow(
      "order",
    );
  });
});
