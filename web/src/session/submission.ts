/** What the user sends with a button, and sends again after a lost answer. */
import type { Refusal, Result } from "../wire/lists.ts";

/** Returns whether the relay may have done what it was asked for, although it does not say so. */
export function isUnsure(refusal: Refusal): boolean {
  // A fault of the relay may come after it has stored something, and a proxy knows nothing of it.
  return refusal.kind !== "problem" || refusal.status >= 500;
}

/**
 * The key of a form that the user submits. While nobody knows what became of a submit, the same
 * form has the same key, so that the relay makes nothing a second time.
 */
export class Submission {
  readonly #newKey: () => string;
  #open: { form: string; key: string } | undefined;
  #isUnsure = false;

  constructor(newKey: () => string) {
    this.#newKey = newKey;
  }

  /** Returns the key for a form. A form that says something else is another submit. */
  keyFor(form: unknown): string {
    const text = JSON.stringify(form);
    if (this.#open?.form !== text) {
      this.#open = { form: text, key: this.#newKey() };
      this.#isUnsure = false;
    }
    return this.#open.key;
  }

  /** Returns whether an earlier submit of this form may have been done. */
  mayBeDone(form: unknown): boolean {
    return this.#isUnsure && this.#open?.form === JSON.stringify(form);
  }

  /** Notes the answer to the last submit. */
  answered(result: Result<unknown>): void {
    if (result.ok) {
      this.#open = undefined;
      this.#isUnsure = false;
    } else if (isUnsure(result.refusal)) {
      this.#isUnsure = true;
    } else if (!this.#isUnsure) {
      // A refusal is sure about its own request alone, and not about one whose answer was lost.
      this.#open = undefined;
    }
  }
}
