/** Tells which rows are at least half in view. What counts as read is not decided here. */

/** A row of more than the window's height is half in view at half of the window. */
const STEPS = Array.from({ length: 11 }, (_, at) => at / 10);

export class InView {
  readonly #root: HTMLElement;
  readonly #tell: (keys: string[]) => void;
  readonly #observer: IntersectionObserver;
  readonly #visible = new Map<Element, string>();
  readonly #watched = new Set<Element>();

  constructor(root: HTMLElement, tell: (keys: string[]) => void) {
    this.#root = root;
    this.#tell = tell;
    this.#observer = new IntersectionObserver((entries) => this.#note(entries), { root, threshold: STEPS });
    this.follow();
  }

  /** Looks at the rows that are new, and no more at those that are gone. */
  follow(): void {
    const rows = new Set(this.#root.querySelectorAll<HTMLElement>(".message"));
    for (const row of this.#watched) {
      if (!rows.has(row as HTMLElement)) {
        this.#observer.unobserve(row);
        this.#watched.delete(row);
        this.#visible.delete(row);
      }
    }
    for (const row of rows) {
      if (!this.#watched.has(row)) {
        this.#observer.observe(row);
        this.#watched.add(row);
      }
    }
  }

  end(): void {
    this.#observer.disconnect();
  }

  #note(entries: IntersectionObserverEntry[]): void {
    for (const entry of entries) {
      const height = entry.rootBounds?.height ?? 0;
      const isHalf = entry.intersectionRatio >= 0.5 || entry.intersectionRect.height >= height / 2;
      const key = (entry.target as HTMLElement).dataset["key"];
      if (entry.isIntersecting && isHalf && key !== undefined) {
        this.#visible.set(entry.target, key);
      } else {
        this.#visible.delete(entry.target);
      }
    }
    this.#tell([...this.#visible.values()]);
  }
}
