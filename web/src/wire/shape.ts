/**
 * Readers of JSON that came from outside. A reader returns a fresh value with the fields that it
 * knows, or fails. What somebody sent never reaches the error.
 */
import { type Id, isId } from "../core/id.ts";
import { ROLES, type Role } from "../core/message.ts";
import { isWellFormed } from "../core/text.ts";

/** The error for JSON of another form. */
export class Misfit extends Error {
  constructor(wanted: string) {
    super(`not ${wanted}`);
    this.name = "Misfit";
  }
}

export type Reader<T> = (value: unknown) => T;
export type Read<R> = R extends Reader<infer T> ? T : never;

export const id: Reader<Id> = (value) => {
  if (!isId(value)) {
    throw new Misfit("an id");
  }
  return value;
};

export const role: Reader<Role> = (value) => oneOf(...ROLES)(value);

/** A whole number that JavaScript reads exactly. */
export const whole: Reader<number> = (value) => {
  if (!Number.isSafeInteger(value) || Object.is(value, -0)) {
    throw new Misfit("a whole number");
  }
  return value as number;
};

export const count: Reader<number> = (value) => {
  const number = whole(value);
  if (number < 0) {
    throw new Misfit("a count");
  }
  return number;
};

export const text: Reader<string> = (value) => {
  if (typeof value !== "string" || !isWellFormed(value)) {
    throw new Misfit("a text");
  }
  return value;
};

export const flag: Reader<boolean> = (value) => {
  if (typeof value !== "boolean") {
    throw new Misfit("true or false");
  }
  return value;
};

/** Any JSON, which must be there. `null` is a value too. */
export const anything: Reader<unknown> = (value) => {
  if (value === undefined) {
    throw new Misfit("there");
  }
  return value;
};

export function oneOf<const T extends string>(...names: T[]): Reader<T> {
  return (value) => {
    const name = names.find((name) => name === value);
    if (name === undefined) {
      throw new Misfit(`one of ${names.join(", ")}`);
    }
    return name;
  };
}

export function list<T>(reader: Reader<T>): Reader<T[]> {
  return (value) => {
    if (!Array.isArray(value)) {
      throw new Misfit("a list");
    }
    return value.map(reader);
  };
}

/** Marks a field that may be left out. `null` counts as left out. */
export interface Optional<T> {
  optional: Reader<T>;
}

export function optional<T>(reader: Reader<T>): Optional<T> {
  return { optional: reader };
}

type Fields = Record<string, Reader<unknown> | Optional<unknown>>;
type Needed<F extends Fields> = { [K in keyof F as F[K] extends Reader<unknown> ? K : never]: Read<F[K]> };
type Given<F extends Fields> = {
  [K in keyof F as F[K] extends Optional<unknown> ? K : never]?: F[K] extends Optional<infer T> ? T : never;
};
export type Shape<F extends Fields> = Needed<F> & Given<F>;

/** Reads an object. Leaves out the fields that it does not name. A list is none. */
export function object<F extends Fields>(fields: F): Reader<Shape<F>> {
  const entries = Object.entries(fields);
  return (value) => {
    const given = record(value);
    const out: Record<string, unknown> = {};
    for (const [name, field] of entries) {
      const part = Object.hasOwn(given, name) ? given[name] : undefined;
      if (typeof field === "function") {
        out[name] = field(part);
      } else if (part !== undefined && part !== null) {
        out[name] = field.optional(part);
      }
    }
    return out as Shape<F>;
  };
}

/** Returns an object with fields of any kind. */
export function record(value: unknown): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new Misfit("an object");
  }
  return value as Record<string, unknown>;
}

/**
 * Returns what a reader reads, or `undefined` if the value has another form. Every other error is
 * a fault of this program, and goes on.
 */
export function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof Misfit) {
      return undefined;
    }
    throw error;
  }
}
