/** A text of the catalogue with elements in its braces. */
import type { ComponentChild } from "preact";
import { type Key, type NamesOf, partsOf, type Value } from "../../i18n/words.ts";

type Props<K extends Key> = { k: K } & ([NamesOf<K>] extends [never]
  ? { with?: never }
  : { with: Record<NamesOf<K>, Value | ComponentChild> });

export function Rich<K extends Key>(props: Props<K>) {
  const values = (props.with ?? {}) as Record<string, Value | ComponentChild>;
  const plain = Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name, typeof value === "number" ? value : name]),
  );
  return (
    <>
      {partsOf(props.k, plain).map((part) => {
        if (typeof part === "string") {
          return part;
        }
        const value = values[part.name];
        return typeof value === "string" ? <bdi>{value}</bdi> : value;
      })}
    </>
  );
}
