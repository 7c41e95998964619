/** What is measured inside a page. Each function of a page runs there, and sees nothing of here. */
import type { CDPSession, Page } from "playwright-core";
import type { Person } from "../browser/person.ts";

export interface Start {
  list: number;
  room: number;
}

/** Opens an address, and returns when the list and the rows of the room were there. */
export async function startOf(page: Page, address: string): Promise<Start> {
  await page.addInitScript(() => {
    const marks: Partial<Start> = {};
    Object.assign(globalThis, { marks });
    const look = () => {
      if (marks.list === undefined && document.querySelector("nav a.room-row") !== null) {
        marks.list = performance.now();
      }
      if (marks.room === undefined && document.querySelector('[role="log"] article') !== null) {
        marks.room = performance.now();
      }
      if (marks.list === undefined || marks.room === undefined) {
        requestAnimationFrame(look);
      }
    };
    requestAnimationFrame(look);
  });
  await page.goto(address);
  await page.locator('[role="log"] article').first().waitFor();
  const marks = await page.waitForFunction(() => {
    const { marks } = globalThis as unknown as { marks: Partial<Start> };
    return marks.list !== undefined && marks.room !== undefined ? marks : undefined;
  });
  return (await marks.jsonValue()) as Start;
}

/** From the key to the mark of the relay. */
export async function sendAndWait(person: Person, text: string): Promise<number> {
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

/** From the click to the rows of the other room. */
export function changeRoom(page: Page, name: string): Promise<number> {
  return page.evaluate((wanted) => {
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

export interface Scroll {
  rows: number;
  seconds: number;
  /** The longest task, in milliseconds, and how many took more than 50. */
  longest: number;
  long: number;
  lostPart: number;
  drift: number;
  /** Frames in which the user was at the edge, and older rows were still to come. */
  waited: number;
}

/** Scrolls up until so many rows were there, and follows a row in each frame. */
export function scroll(page: Page, rows: number, pixels: number): Promise<Scroll> {
  return page.evaluate(
    async ([wanted, step]) => {
      const log = document.querySelector('[role="log"]') as HTMLElement;
      const tasks: number[] = [];
      const observer = new PerformanceObserver((list) =>
        tasks.push(...list.getEntries().map(({ duration }) => duration)),
      );
      observer.observe({ type: "longtask" });
      const frame = () => new Promise<number>((resolve) => requestAnimationFrame(resolve));
      const seen = new Set<string>();
      const begin = await frame();
      let [last, frames, lost, drift, waited] = [begin, 0, 0, 0, 0];
      let kept: { row: HTMLElement; top: number } | undefined;
      while (seen.size < wanted && last - begin < 120_000) {
        const now = await frame();
        lost += Math.max(0, Math.round((now - last) / (1_000 / 60)) - 1);
        frames += 1;
        last = now;
        if (kept?.row.isConnected) {
          drift = Math.max(drift, Math.abs(kept.row.getBoundingClientRect().top - kept.top));
        }
        if (frames % 8 === 0) {
          for (const { dataset } of log.querySelectorAll<HTMLElement>(".message")) {
            seen.add(dataset["key"] ?? "");
          }
        }
        const box = log.getBoundingClientRect();
        const middle = document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2);
        const row = middle?.closest<HTMLElement>(".message") ?? undefined;
        const before = log.scrollTop;
        log.scrollTop -= step;
        const moved = before - log.scrollTop;
        // A real wheel moves and tells it at once. Of a script the page would hear a frame later.
        log.dispatchEvent(new Event("scroll"));
        waited += moved < step ? 1 : 0;
        kept = row === undefined ? undefined : { row, top: row.getBoundingClientRect().top };
      }
      observer.disconnect();
      return {
        rows: seen.size,
        seconds: (last - begin) / 1_000,
        longest: Math.max(0, ...tasks),
        long: tasks.length,
        lostPart: lost / Math.max(1, frames + lost),
        drift,
        waited,
      };
    },
    [rows, pixels] as const,
  );
}

/** The memory that the scripts of the engine hold, in bytes, after the collection of garbage. */
export async function heapOfWorker(session: CDPSession): Promise<number> {
  let last = 0;
  const answers = new Map<number, (result: { usedSize?: number }) => void>();
  session.on("Target.receivedMessageFromTarget", ({ message }) => {
    const { id, result = {} } = JSON.parse(message) as { id: number; result?: object };
    answers.get(id)?.(result);
  });
  const attached = new Promise<string>((resolve) =>
    session.on("Target.attachedToTarget", ({ sessionId, targetInfo }) => {
      if (targetInfo.type === "worker") {
        resolve(sessionId);
      }
    }),
  );
  const plan = { autoAttach: true, waitForDebuggerOnStart: false, flatten: false };
  await session.send("Target.setAutoAttach", plan);
  const sessionId = await attached;
  const ask = async (method: string) => {
    last += 1;
    const id = last;
    const answer = new Promise<{ usedSize?: number }>((resolve) => answers.set(id, resolve));
    await session.send("Target.sendMessageToTarget", { sessionId, message: JSON.stringify({ id, method }) });
    return answer;
  };
  await ask("HeapProfiler.enable");
  await ask("HeapProfiler.collectGarbage");
  return (await ask("Runtime.getHeapUsage")).usedSize ?? Number.NaN;
}

/** Types a word into the search, and returns when the first and when all results were there. */
export function searchFor(page: Page, word: string): Promise<{ first: number; all: number | undefined }> {
  return page.getByRole("searchbox", { name: "Words in messages" }).evaluate(async (field, wanted) => {
    const status = () => document.querySelector("section[aria-busy]")?.textContent ?? "";
    const set = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value")?.set;
    const type = (text: string) => {
      set?.call(field, text);
      field.dispatchEvent(new Event("input", { bubbles: true }));
    };
    const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
    type("");
    while (document.querySelector("section[aria-busy]") !== null) {
      await frame();
    }
    const begin = performance.now();
    type(wanted);
    let first: number | undefined;
    while (performance.now() - begin < 60_000) {
      await frame();
      if (first === undefined && document.querySelector(".hit mark") !== null) {
        first = performance.now() - begin;
      }
      if (first !== undefined && /messages? found so far/.test(status()) && !/Searching/.test(status())) {
        return { first, all: undefined };
      }
      if (first !== undefined && /messages? found/.test(status())) {
        return { first, all: performance.now() - begin };
      }
    }
    throw new Error(`the search did not end: ${status().slice(0, 200)}`);
  }, word);
}
