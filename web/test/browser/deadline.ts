/** Waiting for something, with a deadline. A busy machine may be slow. */

export const DEADLINE = 30_000;

/** Asks again until there is an answer. Fails with what was waited for. */
export async function until<T>(what: string, ask: () => Promise<T | undefined> | T | undefined): Promise<T> {
  const end = Date.now() + DEADLINE;
  let last: unknown;
  while (Date.now() < end) {
    try {
      const answer = await ask();
      if (answer !== undefined && answer !== false) {
        return answer;
      }
    } catch (error) {
      last = error;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`not within ${DEADLINE / 1_000} s: ${what}`, { cause: last });
}
