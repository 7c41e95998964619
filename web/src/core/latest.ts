/**
 * The latest statement of a user whose devices say different things, in whatever order the
 * statements come.
 *
 * There is no single order of everything that a user says. The relay's stamps order the messages
 * of one speaker. Only the relays' clocks order those of two, and clocks may differ or be set. So
 * the latest statement of each speaker is kept, and the clock decides between these.
 */
import { compareIds, type Message, type Stream, streamOf } from "./message.ts";

/** The speakers of one user that are told apart. One more, and the least recent is forgotten. */
export const SPEAKERS_MAX = 32;

/** A statement of a speaker: a device, and the way in which it sends. */
export interface Said<T> {
  device: string;
  stream: Stream;
  epoch: number;
  seq: number;
  sent_at: number;
  said: T;
}

/**
 * The latest statement of each speaker, sorted by speaker. Plain data, so that it can be stored.
 */
export type Latest<T> = Said<T>[];

export function statement<T>(message: Message, said: T): Said<T> {
  const { epoch, seq, sent_at } = message;
  return { device: message.from.device, stream: streamOf(message), epoch, seq, sent_at, said };
}

/**
 * Takes in a statement. Returns true if the latest statement of all speakers is another one now.
 */
export function putLatest<T>(latest: Latest<T>, said: Said<T>): boolean {
  const before = lastSaid(latest);
  const at = latest.findIndex((known) => compareSpeakers(known, said) >= 0);
  const known = latest[at];
  if (known !== undefined && compareSpeakers(known, said) === 0) {
    if (compareStamps(known, said) >= 0) {
      return false;
    }
    latest[at] = said;
  } else {
    latest.splice(at < 0 ? latest.length : at, 0, said);
  }
  const after = lastSaid(latest);
  if (latest.length > SPEAKERS_MAX) {
    const least = latest.reduce((one, other) => (compareTimes(other, one) < 0 ? other : one));
    latest.splice(latest.indexOf(least), 1);
  }
  return after !== before;
}

/** Returns the latest statement of all speakers. */
export function lastSaid<T>(latest: Latest<T>): Said<T> | undefined {
  let last: Said<T> | undefined;
  for (const said of latest) {
    if (last === undefined || compareTimes(said, last) > 0) {
      last = said;
    }
  }
  return last;
}

type AnySaid = Said<unknown>;

function compareSpeakers(one: AnySaid, other: AnySaid): number {
  return compareIds(one.device, other.device) || streamRank(one.stream) - streamRank(other.stream);
}

/** An HTTP message counts as the later one. */
function streamRank(stream: Stream): number {
  return stream === "socket" ? 0 : 1;
}

function compareStamps(one: AnySaid, other: AnySaid): number {
  return one.epoch - other.epoch || one.seq - other.seq || one.sent_at - other.sent_at;
}

function compareTimes(one: AnySaid, other: AnySaid): number {
  return one.sent_at - other.sent_at || compareSpeakers(one, other);
}
