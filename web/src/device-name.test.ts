import { describe, expect, it } from "vitest";
import { deviceName } from "./device-name.ts";
import { lookUp, speak } from "./i18n/words.ts";

const say = (key: string, values: Record<string, string | number>) => lookUp(key, values) ?? "";
const FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:150.0) Gecko/20100101 Firefox/150.0";
const EDGE =
  "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/150.0 Safari/537.36 Edg/150.0";

describe("the name of a device", () => {
  it("says the browser and the system, in the language of the page", async () => {
    expect([FIREFOX, EDGE].map((agent) => deviceName(agent, say))).toEqual([
      "Firefox on Linux",
      "Edge on Windows",
    ]);
    await speak("ru");
    expect([FIREFOX, EDGE].map((agent) => deviceName(agent, say))).toEqual([
      "Firefox, Linux",
      "Edge, Windows",
    ]);
    expect(deviceName("Something", say)).toBe("Браузер");
    await speak("en");
    expect(deviceName("Something", say)).toBe("Browser");
  });
});
