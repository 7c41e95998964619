/** What a browser is called in the list of devices, until the user gives it another name. */
import type { Env } from "./state/env.ts";

/**
 * Returns a name for the list of devices in the language of the page, for example `Firefox on
 * Linux`. The user may change it.
 */
export function deviceName(agent: string, say: Env["say"]): string {
  const browsers: [string, RegExp][] = [
    ["Edge", /Edg/],
    ["Opera", /OPR/],
    ["Firefox", /Firefox|FxiOS/],
    ["Chrome", /Chrome|CriOS/],
    ["Safari", /Safari/],
  ];
  const systems: [string, RegExp][] = [
    ["Android", /Android/],
    ["iPhone", /iPhone/],
    ["iPad", /iPad/],
    ["macOS", /Mac OS/],
    ["Windows", /Windows/],
    ["Linux", /Linux|X11/],
  ];
  const find = (names: [string, RegExp][]) => names.find(([, shape]) => shape.test(agent))?.[0];
  const browser = find(browsers) ?? say("this_device.browser", {});
  const system = find(systems);
  const name = system === undefined ? browser : say("this_device.name", { browser, system });
  // The marks that isolate a value on the page are no part of a name.
  return name.replace(/[\u2066-\u2069]/g, "");
}
