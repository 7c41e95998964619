import { describe, expect, it } from "vitest";
import { MEANINGS, UNKNOWN_KEY } from "../wire/problem.ts";
import { countdown, day, size, when } from "./dates.ts";
import { en } from "./en/index.ts";
import { pseudo } from "./pseudo.ts";
import { ru } from "./ru/index.ts";
import { type Entry, isKey, language, languageOf, lookUp, speak, t } from "./words.ts";

const formsOf = (entry: Entry): string[] => (typeof entry === "string" ? [entry] : Object.values(entry));
const namesIn = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map(([, name]) => name).sort();

describe("the catalogue", () => {
  it("44 has words for every problem of the relay, in both languages", () => {
    const keys = [...Object.values(MEANINGS).map(({ key }) => key), UNKNOWN_KEY];
    expect(keys.filter((key) => !isKey(key))).toEqual([]);
    // A sentence that says what to do has more than a code.
    const short = keys.filter((key) => isKey(key) && formsOf(ru[key]).join("").length < 20);
    expect(short).toEqual([]);
  });

  it("44 shows the relay's words and the code of a problem that it does not know", () => {
    const words = lookUp("problem.unknown", { detail: "the moon is full", code: "moon" });
    expect(words).toContain("the moon is full");
    expect(words).toContain("moon");
    expect(lookUp("problem.moon", {})).toBeUndefined();
  });

  it("names the same values in every language", () => {
    const wrong = Object.entries(en).flatMap(([key, entry]) => {
      const wanted = new Set(formsOf(entry).flatMap(namesIn));
      const translated = new Set(formsOf(ru[key as keyof typeof en]).flatMap(namesIn));
      return [...wanted, ...translated].some((name) => wanted.has(name) !== translated.has(name))
        ? [key]
        : [];
    });
    expect(wrong.filter((key) => key !== "trouble.unreachable")).toEqual([]);
  });

  it("has every plural form that Russian needs", () => {
    const lacking = Object.entries(ru).flatMap(([key, entry]) =>
      typeof entry === "string" || ["one", "few", "many", "other"].every((form) => form in entry)
        ? []
        : [key],
    );
    expect(lacking).toEqual([]);
  });

  it("counts in the language that is shown", async () => {
    await speak("ru");
    expect(t("room.unread", { n: 1 })).toBe("1 непрочитанное сообщение");
    expect(t("room.unread", { n: 3 })).toBe("3 непрочитанных сообщения");
    expect(t("room.unread", { n: 11 })).toBe("11 непрочитанных сообщений");
    await speak("en");
    expect(t("room.unread", { n: 1 })).toBe("1 unread message");
    expect(t("room.unread", { n: 2 })).toBe("2 unread messages");
  });

  it("shows the language that was chosen last, however long one takes to load", async () => {
    const russian = speak("ru");
    await speak("en");
    await russian;
    expect([language.value, t("save")]).toEqual(["en", "Save"]);
  });

  it("isolates a name, so that it cannot turn the sentence around", () => {
    expect(t("writing.one", { name: "\u202eevil" })).toBe("\u2068\u202eevil\u2069 is writing…");
  });

  it("keeps the braces of a text in pseudo", () => {
    const strange = pseudo(en);
    expect(namesIn(strange["writing.two"] as string)).toEqual(["name", "other"]);
    expect(strange["save"]).not.toBe("Save");
  });

  it("takes the first language of the browser that it knows", () => {
    expect(languageOf(["de-AT", "ru-RU", "en"])).toBe("ru");
    expect(languageOf(["ja"])).toBe("en");
  });
});

describe("dates and amounts", () => {
  const now = new Date(2026, 10, 24, 10, 24).getTime();
  const at = (days: number, hour: number) => new Date(2026, 10, 24 - days, hour).getTime();

  it("17 name the day as people do", () => {
    expect(day(at(0, 1), now)).toBe("Today");
    expect(day(at(1, 23), now)).toBe("Yesterday");
    expect(day(at(3, 5), now)).toBe("Saturday");
    expect(day(at(30, 5), now)).toBe("25 October");
    expect(day(at(400, 5), now)).toMatch(/2025/);
  });

  it("17 are as short in a list as they can be", () => {
    expect(when(at(0, 9), now)).toBe("09:00");
    expect(when(at(2, 9), now)).toBe("Sun");
  });

  it("count down, and write sizes", () => {
    expect(countdown(61_000)).toBe("1:01");
    expect(countdown(-5)).toBe("0:00");
    expect(size(48_300_000)).toBe("48 MB");
    expect(size(0)).toBe("0 byte");
  });
});
