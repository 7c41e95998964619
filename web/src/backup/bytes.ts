/**
 * Bytes of a stream, taken piece by piece. It holds one piece of the stream and what was asked
 * for.
 */

/** The error for a backup that is cut off, changed, or none. It repeats nothing of the file. */
export class Damaged extends Error {
  constructor(what: string) {
    super(what);
    this.name = "Damaged";
  }
}

export class Bytes {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  #held: Uint8Array = new Uint8Array(0);

  constructor(stream: ReadableStream<Uint8Array>) {
    this.#reader = stream.getReader();
  }

  /** Returns the next bytes, at least one and at most `most`, or `undefined` at the end. */
  async some(most: number): Promise<Uint8Array | undefined> {
    while (this.#held.length === 0) {
      const { done, value } = await this.#reader.read().catch(() => {
        // The layers below check what they read. What they say may repeat some of it.
        throw new Damaged("the bytes are not those that were written, or it is cut off");
      });
      if (done) {
        return undefined;
      }
      this.#held = value;
    }
    const taken = this.#held.subarray(0, most);
    this.#held = this.#held.subarray(taken.length);
    return taken;
  }

  /** Returns exactly so many bytes. Fails with `Damaged` if the stream ends before. */
  async exactly(count: number): Promise<Uint8Array> {
    const out = new Uint8Array(count);
    for (let at = 0; at < count; ) {
      const some = await this.some(count - at);
      if (some === undefined) {
        throw new Damaged("it is cut off");
      }
      out.set(some, at);
      at += some.length;
    }
    return out;
  }

  /** Gives the stream up. */
  async cancel(): Promise<void> {
    await this.#reader.cancel().catch(() => undefined);
  }
}
