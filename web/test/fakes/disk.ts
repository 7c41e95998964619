/** A disk that has no room for some tables. */

/** Lets each write to these tables fail. Returns what makes room again. */
export function fillDisk(...tables: string[]): () => void {
  const { add, put, delete: remove } = IDBObjectStore.prototype;
  function check(this: IDBObjectStore): void {
    if (tables.includes(this.name)) {
      throw new DOMException("full", "QuotaExceededError");
    }
  }
  IDBObjectStore.prototype.add = function (...values: Parameters<typeof add>) {
    check.call(this);
    return add.apply(this, values);
  };
  IDBObjectStore.prototype.put = function (...values: Parameters<typeof put>) {
    check.call(this);
    return put.apply(this, values);
  };
  // A deletion writes too.
  IDBObjectStore.prototype.delete = function (...values: Parameters<typeof remove>) {
    check.call(this);
    return remove.apply(this, values);
  };
  return () => {
    IDBObjectStore.prototype.delete = remove;
    IDBObjectStore.prototype.add = add;
    IDBObjectStore.prototype.put = put;
  };
}
