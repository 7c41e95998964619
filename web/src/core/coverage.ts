/**
 * The times for which this device may lack something, because a relay cannot say that its queue
 * was whole. The rules are those of `crates/history/src/coverage.rs`. All times are of the relay's
 * clock, in milliseconds since the Unix epoch.
 */
import type { Id } from "./id.ts";
import { timeOf } from "./uuid7.ts";

/** Between these times something may be missing, and nobody knows what. */
export interface Hole {
  since: number;
  until: number;
}

/** Plain data, so that it can be stored. */
export interface Coverage {
  device: Id;
  /** Everything that waited until then is here. */
  drained: number;
  /** The same at the last connect. */
  drainedBefore?: number;
  /** Since when the queue was whole, as relays said. Several may each say another time. */
  seen: number[];
  holes: Hole[];
}

/** The times of relays that are remembered. A forgotten one may make a hole that is none. */
const SEEN_MAX = 16;
/** The holes that are remembered. One more, and the two earliest become one. */
export const HOLES_MAX = 100;

/** Notes which device collects. What came between two devices is a hole. */
export function collectAs(known: Coverage | undefined, device: Id, now: number): Coverage {
  if (known?.device === device) {
    return known;
  }
  // The queue of a device begins with its login, which its id says.
  const loggedIn = timeOf(device) ?? now;
  const before = known?.holes ?? [];
  const isBetween = known !== undefined && known.drained < loggedIn;
  const holes = isBetween ? withHole(before, { since: known.drained, until: loggedIn }) : before;
  return { device, drained: loggedIn, seen: [], holes };
}

/**
 * Notes what the relay says of its queue at a connect: since `at`, nothing is lost. A time that
 * was said before is no news. Any other one is, so clocks that are wrong cannot hide it.
 */
export function wholeSince(known: Coverage, at: number, serverTime: number): Coverage {
  // The clock of the relay may have been ahead.
  const drained = Math.min(known.drained, serverTime);
  const isKnown = known.seen.length === 0 ? at <= drained : known.seen.includes(at);
  let { holes } = known;
  if (!isKnown) {
    // What was dropped during the last connection may have waited since before it.
    const since = at > drained ? drained : Math.min(known.drainedBefore ?? drained, drained);
    holes = withHole(holes, { since, until: at > since ? at : serverTime });
  }
  const seen = known.seen.includes(at) ? known.seen : [...known.seen, at].slice(-SEEN_MAX);
  return { ...known, drained, drainedBefore: drained, seen, holes };
}

/** Notes that everything that waited until `at` is here. */
export function drainedAt(known: Coverage, at: number): Coverage {
  return { ...known, drained: Math.max(known.drained, at) };
}

/** Adds a hole. Those that touch are one. */
function withHole(holes: readonly Hole[], fresh: Hole): Hole[] {
  const all = [...holes, fresh].sort((one, other) => one.since - other.since);
  const joined: Hole[] = [];
  for (const hole of all) {
    const last = joined.at(-1);
    if (last !== undefined && hole.since <= last.until) {
      last.until = Math.max(last.until, hole.until);
    } else {
      joined.push({ ...hole });
    }
  }
  const [first, second, ...rest] = joined;
  return joined.length > HOLES_MAX && first !== undefined && second !== undefined
    ? [{ since: first.since, until: second.until }, ...rest]
    : joined;
}
