/**
 * The times for which this device may lack something, because a relay cannot say that its queue
 * was whole. The rules are those of `crates/history/src/coverage.rs`. All times are of the relay's
 * clock, in milliseconds since the Unix epoch.
 */
import type { Id } from "./id.ts";
import { before, gapsOf, type Span, spansOf, without } from "./spans.ts";
import { timeOf } from "./uuid7.ts";

/** Between these times something may be missing, and nobody knows what. */
export interface Hole {
  since: number;
  until: number;
  /** It lies between what a backup had and what this device collected. */
  isBetween?: true;
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
  /** When the first device of this store logged in. Stores of earlier versions do not say it. */
  began?: number;
  /** The times for which backups had everything. */
  covered?: Span[];
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
  const holesBefore = known?.holes ?? [];
  const isBetween = known !== undefined && known.drained < loggedIn;
  const holes = isBetween ? withHole(holesBefore, { since: known.drained, until: loggedIn }) : holesBefore;
  const fresh = { device, drained: loggedIn, seen: [], holes, began: beganOf(known) ?? loggedIn };
  const { covered } = known ?? {};
  return covered === undefined ? fresh : covering({ ...fresh, covered }, [], now);
}

/** Returns since when this device surely collects. An earlier version did not note it. */
function beganOf(known: Coverage | undefined): number | undefined {
  return known === undefined ? undefined : (known.began ?? timeOf(known.device));
}

/**
 * Notes that everything from these times is here now, because a backup had it. That closes holes,
 * and what lies between them becomes one.
 */
export function covering(known: Coverage, spans: readonly Span[], now: number): Coverage {
  // Nobody has anything from the future.
  const covered = spansOf([...(known.covered ?? []), ...before(spans, now)]);
  if (covered.length === 0) {
    return known;
  }
  const left = known.holes
    .filter(({ isBetween }) => isBetween !== true)
    .flatMap(({ since, until }) => {
      // A hole of one moment is closed by what surrounds it.
      const whole: Span[] = [[since, Math.max(until, since + 1)]];
      const rest = without(whole, covered);
      const isWhole = rest.length === 1 && rest[0]?.[0] === since && rest[0]?.[1] === whole[0]?.[1];
      return isWhole ? [{ since, until }] : rest.map(([from, to]) => ({ since: from, until: to }));
    });
  // What this device collected itself has holes of its own.
  const between = gapsOf(covered, beganOf(known) ?? now);
  const holes = between.reduce<Hole[]>(
    (all, [since, until]) => withHole(all, { since, until, isBetween: true }),
    left,
  );
  return { ...known, covered, holes };
}

/**
 * Returns the times for which everything is here. `missing` are those between which messages of a
 * sender have not come.
 */
export function wholeTimes(known: Coverage, missing: readonly Hole[], now: number): Span[] {
  const began = beganOf(known);
  const own: Span[] = began === undefined ? [] : [[began, known.drained]];
  // A hole of one moment is one.
  const holes = [...known.holes, ...missing].map(({ since, until }): Span => [since, until + 1]);
  const all = spansOf([...own, ...(known.covered ?? [])]);
  // Stores have parts of a millisecond from earlier versions, and no reader takes them.
  const whole = without(all, spansOf(holes)).map(
    ([since, until]): Span => [Math.ceil(since), Math.floor(until)],
  );
  // The clock of a relay may have been ahead.
  return before(whole, Math.floor(now));
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
    if (last !== undefined && last.isBetween === hole.isBetween && hole.since <= last.until) {
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
