/**
 * Holds what the user looks at where it is. Rows that come before it, fonts that load and windows
 * that change their size move nothing; at the end, the end stays.
 */
import { signal } from "@preact/signals";

/** Nearer to the end than this is at the end, in pixels. */
const NEAR = 8;

export class ScrollHold {
  readonly isAtEnd = signal(true);
  #scroller: HTMLElement | undefined;
  #observer: ResizeObserver | undefined;
  /** Each visible row and its top, from the top of the visible part. */
  #anchors: { key: string; offset: number }[] = [];
  /** The sizes when the page was last put right. */
  #sizes = "";

  /** Takes an element whose only child has the rows. Returns what ends it. */
  attach(scroller: HTMLElement): () => void {
    this.#scroller = scroller;
    this.#observer = new ResizeObserver(() => this.restore());
    this.#observer.observe(scroller);
    for (const child of scroller.children) {
      this.#observer.observe(child);
    }
    return () => {
      this.#observer?.disconnect();
      this.#scroller = undefined;
    };
  }

  /** Notes what is visible now. Returns the keys of the first and the last visible row. */
  note(): { first: string; last: string } | undefined {
    const scroller = this.#scroller;
    // One that is not shown has no place to note.
    if (scroller === undefined || scroller.clientHeight === 0) {
      return undefined;
    }
    // A change of size may make the browser scroll before anybody tells of the change. What it
    // shows then is not what the user looked at.
    if (this.#sizes !== "" && this.#sizes !== sizesOf(scroller)) {
      this.restore();
    }
    this.#sizes = sizesOf(scroller);
    this.isAtEnd.value = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight <= NEAR;
    const top = scroller.getBoundingClientRect().top;
    const rows = this.#rows();
    const seen: { key: string; offset: number; isMessage: boolean }[] = [];
    for (let at = firstBelow(rows, top); at < rows.length; at += 1) {
      const row = rows[at];
      const offset = row === undefined ? Number.POSITIVE_INFINITY : row.getBoundingClientRect().top - top;
      if (row === undefined || offset >= scroller.clientHeight) {
        break;
      }
      seen.push({ key: row.dataset["key"] ?? "", offset, isMessage: row.matches(".message") });
    }
    // The line of a day stands before the first row of it, so older rows of that day move it away
    // from what the user reads.
    this.#anchors = seen.some(({ isMessage }) => isMessage)
      ? seen.filter(({ isMessage }) => isMessage)
      : seen;
    const [first, last] = [seen[0], seen.at(-1)];
    return first === undefined || last === undefined ? undefined : { first: first.key, last: last.key };
  }

  /** Puts back what was noted, after anything has moved. */
  restore(): void {
    const scroller = this.#scroller;
    if (scroller === undefined || scroller.clientHeight === 0) {
      return;
    }
    this.#sizes = sizesOf(scroller);
    if (this.isAtEnd.peek()) {
      scroller.scrollTop = scroller.scrollHeight;
      return;
    }
    for (const { key, offset } of this.#anchors) {
      const row = this.#row(key);
      if (row !== undefined) {
        const moved = row.getBoundingClientRect().top - scroller.getBoundingClientRect().top - offset;
        // Less than a pixel is what rounding makes of it.
        if (Math.abs(moved) >= 0.75) {
          scroller.scrollTop += moved;
        }
        return;
      }
    }
  }

  toEnd(): void {
    this.isAtEnd.value = true;
    this.restore();
  }

  /** Shows a row, a third from the top. Returns false if it is not on the page. */
  toRow(key: string): boolean {
    const [scroller, row] = [this.#scroller, this.#row(key)];
    if (scroller === undefined || row === undefined) {
      return false;
    }
    const from = row.getBoundingClientRect().top - scroller.getBoundingClientRect().top;
    scroller.scrollTop += from - scroller.clientHeight / 3;
    this.note();
    return true;
  }

  #rows(): HTMLElement[] {
    const rows = this.#scroller?.firstElementChild?.children ?? [];
    return [...rows].filter(
      (row): row is HTMLElement => row instanceof HTMLElement && row.dataset["key"] !== undefined,
    );
  }

  #row(key: string): HTMLElement | undefined {
    return this.#rows().find((row) => row.dataset["key"] === key);
  }
}

function sizesOf({ clientWidth, clientHeight, scrollHeight }: HTMLElement): string {
  return `${clientWidth} ${clientHeight} ${scrollHeight}`;
}

/** The index of the first row whose bottom is below a line. */
function firstBelow(rows: readonly HTMLElement[], line: number): number {
  let [low, high] = [0, rows.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((rows[middle]?.getBoundingClientRect().bottom ?? 0) <= line) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}
