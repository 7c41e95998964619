/** Spans of time, from and until, that neither touch nor overlap, the earliest first. */

export type Span = [since: number, until: number];

/** The spans that are remembered. Past it the earliest are forgotten. */
const SPANS_MAX = 1_000;

/** Puts spans in order and joins those that touch. Turned ones are left out. */
export function spansOf(spans: readonly Span[]): Span[] {
  const joined: Span[] = [];
  for (const [since, until] of [...spans].sort(([one], [other]) => one - other)) {
    const last = joined.at(-1);
    if (since >= until) {
      continue;
    }
    if (last !== undefined && since <= last[1]) {
      last[1] = Math.max(last[1], until);
    } else {
      joined.push([since, until]);
    }
  }
  return joined.slice(-SPANS_MAX);
}

/** Returns what is left of some spans without the others, which are in order. */
export function without(spans: readonly Span[], others: readonly Span[]): Span[] {
  return spansOf(
    spans.flatMap(([since, until]) => {
      const left: Span[] = [];
      let begin = since;
      for (const other of others.filter(([from, to]) => to > since && from < until)) {
        left.push([begin, other[0]]);
        begin = Math.max(begin, other[1]);
      }
      return [...left, [begin, until] as Span];
    }),
  );
}

/** Returns the part before a time. */
export function before(spans: readonly Span[], time: number): Span[] {
  return spansOf(spans.map(([since, until]) => [since, Math.min(until, time)]));
}

/** Returns the times between the spans, until `end`. */
export function gapsOf(spans: readonly Span[], end: number): Span[] {
  const [first] = spans;
  return first === undefined ? [] : without([[first[0], end]], spans);
}
