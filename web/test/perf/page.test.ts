import { afterAll, describe, it } from "vitest";
import { openBrowser, startRelay, useBrowser } from "../browser/browser.ts";
import { Person, twoPeople } from "../browser/person.ts";

useBrowser();

/** How often each figure is taken. */
const TIMES = Number(process.env["FERRY_WEB_TIMES"] ?? 5);
const figures: { what: string; figure: string; limit: string }[] = [];

afterAll(() => {
  // No test fails because of a figure: a busy machine proves nothing.
  const rows = figures.map(({ what, figure, limit }) => `| ${what} | ${figure} | ${limit} |`);
  process.stdout.write(`\n| what | measured | limit |\n|---|---|---|\n${rows.join("\n")}\n`);
});

function quantile(values: number[], part: number): number {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;
}

function note(what: string, milliseconds: number, limit: number): void {
  figures.push({ what, figure: `${milliseconds.toFixed(0)} ms`, limit: `${limit} ms` });
}

describe("how fast the page is", () => {
  it("cold", async () => {
    const relay = await startRelay("alone");
    const paints: number[] = [];
    const usable: number[] = [];
    for (let time = 0; time < TIMES; time += 1) {
      const context = await openBrowser(relay);
      const page = await context.newPage();
      await page.goto(relay.url);
      await page.getByLabel("Username").waitFor();
      usable.push(await page.evaluate(() => performance.now()));
      paints.push(
        await page.evaluate(
          () => performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? Number.NaN,
        ),
      );
      await context.close();
    }
    note("cold: first paint, median", quantile(paints, 0.5), 300);
    note("cold: login usable, median", quantile(usable, 0.5), 600);
  });

  it("sending and changing rooms", async () => {
    const relay = await startRelay("alone");
    const [ann, bob] = await twoPeople(relay);
    const cyd = await Person.register(relay, "Cyd");
    await ann.writeTo(cyd);
    await ann.say("hello Cyd");
    await ann.open("Bob");
    const sent: number[] = [];
    for (let n = 0; n < 10 * TIMES; n += 1) {
      sent.push(await sendAndWait(ann, `message ${n}.`));
    }
    note("send to sent, p95", quantile(sent, 0.95), 100);
    const switched: number[] = [];
    for (let n = 0; n < 4 * TIMES; n += 1) {
      switched.push(await changeRoom(ann, n % 2 === 0 ? "Cyd" : "Bob"));
    }
    note("room switch, p95", quantile(switched, 0.95), 100);
    await bob.isCalm();
  });
});

/** Measured in the page: from the key to the mark of the relay. */
async function sendAndWait(person: Person, text: string): Promise<number> {
  await person.composer.fill(text);
  const measured = person.page.evaluate((wanted) => {
    const log = document.querySelector('[role="log"]');
    return new Promise<number>((resolve) => {
      addEventListener(
        "keydown",
        () => {
          const begin = performance.now();
          const look = () => {
            const rows = [...(log?.querySelectorAll("article") ?? [])];
            const row = rows.findLast((one) => one.textContent.includes(wanted));
            if (row !== undefined && /Sent, on its way|On a device|Read by/.test(row.textContent)) {
              resolve(performance.now() - begin);
            } else {
              requestAnimationFrame(look);
            }
          };
          look();
        },
        { once: true, capture: true },
      );
    });
  }, text);
  // The listener is there before the key.
  await person.page.evaluate(() => undefined);
  await person.composer.press("Enter");
  return measured;
}

/** Measured in the page: from the click to the rows of the other room. */
function changeRoom(person: Person, name: string): Promise<number> {
  return person.page.evaluate((wanted) => {
    const links = [...document.querySelectorAll<HTMLAnchorElement>("nav a.room-row")];
    const begin = performance.now();
    links.find((link) => link.textContent.includes(wanted))?.click();
    return new Promise<number>((resolve) => {
      const look = () => {
        const title = document.querySelector("h1")?.textContent ?? "";
        const isThere = title.includes(wanted) && document.querySelector('[role="log"] article') !== null;
        isThere ? resolve(performance.now() - begin) : requestAnimationFrame(look);
      };
      look();
    });
  }, name);
}
