/** Days, times and amounts, as the language of the screens writes them. */
import { locale, t } from "./words.ts";

const formats = new Map<string, Intl.DateTimeFormat>();

function format(at: number, name: string, options: Intl.DateTimeFormatOptions): string {
  const key = `${locale()} ${name}`;
  let known = formats.get(key);
  if (known === undefined) {
    known = new Intl.DateTimeFormat(locale(), options);
    formats.set(key, known);
  }
  return known.format(at);
}

export function time(at: number): string {
  return format(at, "time", { hour: "2-digit", minute: "2-digit" });
}

/** A day and a time, for details. */
export function moment(at: number): string {
  return format(at, "moment", { dateStyle: "medium", timeStyle: "short" });
}

/** The head of a day: “Today”, “Yesterday”, a day of the week, or a date. */
export function day(at: number, now: number = Date.now()): string {
  const days = daysBetween(at, now);
  if (days === 0) {
    return t("day.today");
  }
  if (days === 1) {
    return t("day.yesterday");
  }
  if (days > 1 && days < 7) {
    return format(at, "weekday", { weekday: "long" });
  }
  return isSameYear(at, now)
    ? format(at, "day", { day: "numeric", month: "long" })
    : format(at, "day and year", { day: "numeric", month: "long", year: "numeric" });
}

/** The shortest that says when: a time today, a day of this week, or a date. */
export function when(at: number, now: number = Date.now()): string {
  const days = daysBetween(at, now);
  if (days <= 0) {
    return time(at);
  }
  if (days < 7) {
    return format(at, "short weekday", { weekday: "short" });
  }
  return isSameYear(at, now)
    ? format(at, "short day", { day: "numeric", month: "short" })
    : format(at, "short year", { day: "numeric", month: "short", year: "2-digit" });
}

/** “5 minutes ago”. */
export function ago(at: number, now: number = Date.now()): string {
  const seconds = Math.min(0, Math.round((at - now) / 1_000));
  const relative = new Intl.RelativeTimeFormat(locale(), { numeric: "auto" });
  if (seconds > -60) {
    return relative.format(0, "second");
  }
  if (seconds > -3_600) {
    return relative.format(Math.round(seconds / 60), "minute");
  }
  if (seconds > -86_400) {
    return relative.format(Math.round(seconds / 3_600), "hour");
  }
  return relative.format(Math.round(seconds / 86_400), "day");
}

/** “1.4 MB”. */
export function size(bytes: number): string {
  const units = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"] as const;
  const step = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3));
  const unit = units[step] ?? "byte";
  const shown = bytes / 1_000 ** step;
  return new Intl.NumberFormat(locale(), {
    style: "unit",
    unit,
    unitDisplay: "short",
    maximumFractionDigits: shown < 10 && step > 0 ? 1 : 0,
  }).format(shown);
}

/** “3 hours”, “7 minutes”. */
export function span(milliseconds: number): string {
  const minutes = Math.round(milliseconds / 60_000);
  const [value, unit] = minutes < 120 ? [minutes, "minute"] : [Math.round(minutes / 60), "hour"];
  return new Intl.NumberFormat(locale(), { style: "unit", unit: String(unit), unitDisplay: "long" }).format(
    Number(value),
  );
}

/** “Ann, Bob and Eve”. */
export function listed(names: readonly string[]): string {
  return new Intl.ListFormat(locale(), { type: "conjunction" }).format(names);
}

/** What is left, as minutes and seconds. */
export function countdown(milliseconds: number): string {
  const left = Math.max(0, Math.ceil(milliseconds / 1_000));
  return `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
}

/** How many midnights are between. */
function daysBetween(at: number, now: number): number {
  const midnight = (moment: number) => new Date(moment).setHours(0, 0, 0, 0);
  return Math.round((midnight(now) - midnight(at)) / 86_400_000);
}

function isSameYear(at: number, now: number): boolean {
  return new Date(at).getFullYear() === new Date(now).getFullYear();
}
