/** Rows of one store that a transaction reads and writes: each is read once and written once. */

export class Cache<K, V> {
  readonly #load: (key: K) => Promise<V | undefined>;
  readonly #put: (value: V) => Promise<unknown>;
  readonly #held = new Map<string, V | undefined>();
  readonly #dirty = new Set<string>();

  constructor(load: (key: K) => Promise<V | undefined>, put: (value: V) => Promise<unknown>) {
    this.#load = load;
    this.#put = put;
  }

  /** Reads rows together, which is faster than one after the other. */
  async prepare(keys: K[]): Promise<void> {
    await Promise.all(keys.map((key) => this.get(key)));
  }

  async get(key: K): Promise<V | undefined> {
    const name = String(key);
    if (!this.#held.has(name)) {
      const value = await this.#load(key);
      // Two readings of one key may be under way: the first one counts.
      if (!this.#held.has(name)) {
        this.#held.set(name, value);
      }
    }
    return this.#held.get(name);
  }

  /** Notes that a row is new or changed. */
  put(key: K, value: V): void {
    const name = String(key);
    this.#held.set(name, value);
    this.#dirty.add(name);
  }

  /** Forgets what was read, because the store has changed below. Flush first. */
  forget(): void {
    this.#held.clear();
  }

  /** Writes what has changed. */
  async flush(): Promise<void> {
    const values = [...this.#dirty].map((name) => this.#held.get(name));
    this.#dirty.clear();
    await Promise.all(values.map((value) => (value === undefined ? undefined : this.#put(value))));
  }
}
