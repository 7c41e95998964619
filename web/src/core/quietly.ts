/**
 * Begins something that nobody waits for. An error ends it: the store is closed, and another part
 * says so, or what failed is done again at the next change. Without this, an error of work that
 * nobody waits for would be one of the whole page.
 */
export function quietly(work: Promise<unknown>): void {
  work.catch(() => undefined);
}
