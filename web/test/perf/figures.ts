/** What was measured. `web/e2e perf` prints it as one table at the end. */
import { appendFileSync } from "node:fs";

/** How often each figure is taken. */
export const TIMES = Number(process.env["FERRY_WEB_TIMES"] ?? 5);

export function quantile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;
}

export const median = (values: readonly number[]): number => quantile(values, 0.5);

interface Figure {
  what: string;
  measured: number;
  /** The goal of the design. Without one, the figure only explains another. */
  goal?: number;
  unit: string;
  /** More is better. */
  isLeast?: boolean;
}

/** Notes a figure. None fails a test: a busy machine proves nothing. */
export function note({ what, measured, goal, unit, isLeast = false }: Figure): void {
  const size = measured >= 100 ? measured.toFixed(0) : measured.toFixed(1);
  const isMissed = goal !== undefined && (isLeast ? measured < goal : measured > goal);
  const limit = goal === undefined ? "" : `${isLeast ? "≥" : "≤"} ${goal.toLocaleString("en")} ${unit}`;
  const row = `| ${what} | ${limit} | ${size} ${unit} | ${isMissed ? "**missed**" : ""} |\n`;
  const file = process.env["FERRY_WEB_FIGURES"];
  if (file === undefined) {
    throw new Error("FERRY_WEB_FIGURES names no file for the figures. web/e2e sets it");
  }
  appendFileSync(file, row);
}

/** A time of several: the median against its goal. */
export function noteMedian(what: string, times: readonly number[], goal?: number): void {
  note({
    what: `${what}, median`,
    measured: median(times),
    unit: "ms",
    ...(goal === undefined ? {} : { goal }),
  });
}
