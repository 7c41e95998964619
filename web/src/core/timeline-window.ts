/**
 * The part of a room that is on the page: a bounded list of rows, which slides over what is
 * stored. It holds keys, and asks for what is missing. Nothing here measures or scrolls.
 */

/** The most rows on the page. */
export const ROWS_MAX = 160;
/** The rows that one slide brings. */
export const SLIDE = 40;
/** With fewer rows than this beyond the visible ones, the window slides. */
export const MARGIN = 20;

/**
 * A window over rows of type `T`, the oldest first. It never changes: each step returns a new one.
 */
export interface TimelineWindow<T> {
  readonly rows: readonly T[];
  /** Nothing older is stored. It is never asked for again. */
  readonly isAtBeginning: boolean;
  /** Nothing newer is stored. New rows are appended. */
  readonly isAtEnd: boolean;
  /** The new rows that came while the window was elsewhere. */
  readonly beyond: number;
}

export type Compare<T> = (one: T, other: T) => number;

/** Opens a window on rows from the store. */
export function openWindow<T>(
  rows: readonly T[],
  isAtBeginning: boolean,
  isAtEnd: boolean,
): TimelineWindow<T> {
  const kept = isAtEnd ? rows.slice(-ROWS_MAX) : rows.slice(0, ROWS_MAX);
  const cut = kept.length < rows.length;
  return { rows: kept, isAtBeginning: isAtBeginning && !(cut && isAtEnd), isAtEnd, beyond: 0 };
}

/**
 * Returns where rows are wanted, when the rows with these indices are the first and last visible
 * ones.
 */
export function wanted<T>(
  { rows, isAtBeginning, isAtEnd }: TimelineWindow<T>,
  firstVisible: number,
  lastVisible: number,
): "older" | "newer" | undefined {
  if (!isAtBeginning && firstVisible < MARGIN) {
    return "older";
  }
  return !isAtEnd && lastVisible >= rows.length - MARGIN ? "newer" : undefined;
}

/**
 * Puts older rows before. `isAll` says that there are no older ones. The newest rows leave the
 * page.
 */
export function slideOlder<T>(
  window: TimelineWindow<T>,
  older: readonly T[],
  isAll: boolean,
): TimelineWindow<T> {
  const rows = [...older, ...window.rows];
  const kept = rows.slice(0, ROWS_MAX);
  return {
    ...window,
    rows: kept,
    isAtBeginning: isAll,
    isAtEnd: window.isAtEnd && kept.length === rows.length,
  };
}

/**
 * Puts newer rows behind. `isAll` says that there are no newer ones. The oldest rows leave the
 * page.
 */
export function slideNewer<T>(
  window: TimelineWindow<T>,
  newer: readonly T[],
  isAll: boolean,
): TimelineWindow<T> {
  const rows = [...window.rows, ...newer];
  const kept = rows.slice(-ROWS_MAX);
  return {
    rows: kept,
    isAtBeginning: window.isAtBeginning && kept.length === rows.length,
    isAtEnd: isAll,
    beyond: isAll ? 0 : window.beyond,
  };
}

/**
 * Takes in a row that came just now, at its place. A row before the window, or after one that is
 * not at the end, does not appear: the row moves nothing that the user looks at.
 */
export function arrive<T>(window: TimelineWindow<T>, row: T, compare: Compare<T>): TimelineWindow<T> {
  const { rows, isAtBeginning, isAtEnd } = window;
  const at = indexOf(rows, row, compare);
  const held = rows[at];
  if (held !== undefined && compare(held, row) === 0) {
    return { ...window, rows: rows.with(at, row) };
  }
  if (at === 0 && rows.length > 0 && !isAtBeginning) {
    return window;
  }
  if (at === rows.length && !isAtEnd) {
    return { ...window, beyond: window.beyond + 1 };
  }
  const grown = rows.toSpliced(at, 0, row);
  if (grown.length <= ROWS_MAX) {
    return { ...window, rows: grown };
  }
  return isAtEnd
    ? { ...window, rows: grown.slice(-ROWS_MAX), isAtBeginning: false }
    : { ...window, rows: grown.slice(0, ROWS_MAX) };
}

/** Takes a row away. */
export function leave<T>(window: TimelineWindow<T>, row: T, compare: Compare<T>): TimelineWindow<T> {
  return { ...window, rows: window.rows.filter((held) => compare(held, row) !== 0) };
}

/** A row and where its top is, from the top of the visible part, in pixels. */
export interface Anchor<T> {
  row: T;
  offset: number;
}

/**
 * Returns the first row that is at least in part visible. `tops` has the top of each row and,
 * last, the bottom of all.
 */
export function anchorOf<T>(
  rows: readonly T[],
  tops: readonly number[],
  scrollTop: number,
): Anchor<T> | undefined {
  const at = rows.findIndex((_, index) => (tops[index + 1] ?? Number.POSITIVE_INFINITY) > scrollTop);
  const [row, top] = [rows[at], tops[at]];
  return row === undefined || top === undefined ? undefined : { row, offset: top - scrollTop };
}

/** Returns where to scroll, so that the anchor is where it was. `top` is where its row is now. */
export function scrollFor<T>({ offset }: Anchor<T>, top: number): number {
  return top - offset;
}

function indexOf<T>(rows: readonly T[], row: T, compare: Compare<T>): number {
  let [low, high] = [0, rows.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    const held = rows[middle] as T;
    if (compare(held, row) < 0) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}
