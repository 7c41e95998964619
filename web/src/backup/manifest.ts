/** What a backup says about itself. */
import type { Digest } from "../core/digest.ts";
import { type Id, isId } from "../core/id.ts";
import { type Span, spansOf } from "../core/spans.ts";
import { Damaged } from "./bytes.ts";

/** The error for a backup that a later version wrote. */
export class Newer extends Error {
  constructor() {
    super("a later version of Ferry wrote it");
    this.name = "Newer";
  }
}

export interface Counts {
  messages: number;
  notices: number;
  outcomes: number;
  cells: number;
}

export interface Manifest {
  server: string;
  user: Id;
  /** When it was written. */
  createdAt: number;
  /** When the backup before it was written, if this one has only what came since. */
  since?: number;
  counts: Counts;
  months: Record<string, { count: number; sum: string }>;
  digest: string;
  holes: number;
  /** The times from which it has everything. */
  whole: Span[];
}

const VERSION = 1;

/** Reads a manifest. Fails with `Newer` or `Damaged`, which repeat nothing of it. */
export function manifestOf(json: string): Manifest {
  const fields = parsed(json);
  if (fields["format"] !== "ferry-backup") {
    throw new Damaged("it is no backup of Ferry");
  }
  const { version, features = [] } = fields;
  if (typeof version !== "number" || !Array.isArray(features)) {
    throw new Damaged("the manifest cannot be read");
  }
  if (version > VERSION || features.length > 0) {
    throw new Newer();
  }
  const { server, user, created_at: createdAt, since, months, digest, holes = 0, whole } = fields;
  const counts = { messages: 0, notices: 0, outcomes: 0, cells: 0, ...record(fields["counts"]) };
  if (
    typeof server !== "string" ||
    !isId(user) ||
    typeof createdAt !== "number" ||
    typeof digest !== "string"
  ) {
    throw new Damaged("the manifest cannot be read");
  }
  const base = {
    server,
    user,
    createdAt,
    counts: counts as Counts,
    months: record(months) as Manifest["months"],
    digest,
    holes: typeof holes === "number" ? holes : 0,
    whole: spans(whole),
  };
  return typeof since === "number" ? { ...base, since } : base;
}

/** Checks that the records are those that the manifest counts. */
export function compare(manifest: Manifest, counts: Counts, digest: Digest): void {
  const months = digest.months();
  const sections = ["messages", "notices", "outcomes", "cells"] as const;
  const isSame =
    sections.every((name) => manifest.counts[name] === counts[name]) &&
    manifest.digest === digest.hex() &&
    Object.keys(manifest.months).length === months.size &&
    [...months].every(([name, { count, sum }]) => {
      const month = manifest.months[name];
      return month?.count === count && month.sum === sum;
    });
  if (!isSame) {
    throw new Damaged("the records are not those that the manifest counts");
  }
}

/** A backup that does not say it vouches for no time. */
function spans(value: unknown): Span[] {
  const list: unknown[] = Array.isArray(value) ? value : [];
  return spansOf(
    list.flatMap((span): Span[] => {
      const [since, until]: unknown[] = Array.isArray(span) ? span : [];
      return Number.isSafeInteger(since) && Number.isSafeInteger(until)
        ? [[since as number, until as number]]
        : [];
    }),
  );
}

function parsed(json: string): Record<string, unknown> {
  try {
    return record(JSON.parse(json));
  } catch {
    throw new Damaged("the manifest cannot be read");
  }
}

function record(value: unknown): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new Damaged("the manifest cannot be read");
  }
  return value as Record<string, unknown>;
}
