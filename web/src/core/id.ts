/** Ids: UUIDs in the one spelling that Ferry writes, in lower case and with hyphens. */

/** A UUID. Compare two with `<`: the order of the texts is the order of the bytes. */
export type Id = string;

/** The sender of what the relay says on its own: no device. */
export const NO_DEVICE: Id = "00000000-0000-0000-0000-000000000000";

const ID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** Returns true for text that is an id. Capitals are another spelling, and no id. */
export function isId(value: unknown): value is Id {
  return typeof value === "string" && ID.test(value);
}

/** Returns the 16 bytes of an id. */
export function idBytes(id: Id): Uint8Array {
  const hex = id.replaceAll("-", "");
  return Uint8Array.from({ length: 16 }, (_, at) => Number.parseInt(hex.slice(2 * at, 2 * at + 2), 16));
}
