/** What the relay says when a connection opens, and when everything that waited has come. */
import { collectAs, covering, drainedAt, wholeSince } from "../core/coverage.ts";
import type { Id } from "../core/id.ts";
import type { Span } from "../core/spans.ts";
import { metaIn, noteExpiryIn } from "./meta.ts";
import { type Db, type Rw, write } from "./schema.ts";

export interface Greeting {
  device: Id;
  serverTime: number;
  tokenExpiresAt: number;
  frameLimit: number;
  /** Since when nothing of the queue can have been lost. Some relays do not say it. */
  wholeSince?: number;
  /** How far this device's clock is ahead of the relay's. */
  skew: number;
}

export async function noteGreeting(db: Db, greeting: Greeting): Promise<void> {
  const { device, serverTime, tokenExpiresAt, frameLimit, wholeSince: since, skew } = greeting;
  await write(db, ["meta"], async (tx) => {
    const store = tx.objectStore("meta");
    await noteExpiryIn(tx, tokenExpiresAt);
    await store.put(skew, "skew");
    await store.put(frameLimit, "frameLimit");
    const known = collectAs(await metaIn(tx, "coverage"), device, serverTime);
    await store.put(since === undefined ? known : wholeSince(known, since, serverTime), "coverage");
  });
}

/** Notes that all that waited is stored. `at` is a time of the relay, `now` of this device. */
export async function noteDrained(tx: Rw, at: number, now: number): Promise<void> {
  const store = tx.objectStore("meta");
  await store.put(now, "drainedAt");
  const known = await metaIn(tx, "coverage");
  if (known !== undefined) {
    await store.put(drainedAt(known, at), "coverage");
  }
}

/** Notes that everything from these times is here, because a backup had it. */
export async function noteCovered(db: Db, device: Id, spans: readonly Span[], now: number): Promise<void> {
  await write(db, ["meta"], async (tx) => {
    const skew = (await metaIn(tx, "skew")) ?? 0;
    const known = collectAs(await metaIn(tx, "coverage"), device, now - skew);
    await tx.objectStore("meta").put(covering(known, spans, now - skew), "coverage");
  });
}
