/** Settings of this device. */
import { signal } from "@preact/signals";
import type { Env } from "./env.ts";
import type { Settings, SettingValues } from "./model.ts";

const DEFAULTS: SettingValues = {
  theme: "system",
  language: "system",
  enterSends: true,
  notificationText: true,
  sounds: true,
  reduceMotion: false,
};

export function settings(env: Env): Settings {
  const values = signal<SettingValues>(read(env.settings.get()));
  const notifications = signal(env.notifications.state());
  return {
    values,
    notifications,
    set(changes) {
      values.value = { ...values.peek(), ...changes };
      env.settings.set(JSON.stringify(values.peek()));
    },
    async allowNotifications() {
      const isAllowed = await env.notifications.ask();
      notifications.value = env.notifications.state();
      return isAllowed;
    },
  };
}

/** Reads what was stored. A value of another form is the default. */
function read(text: string | undefined): SettingValues {
  let stored: unknown;
  try {
    stored = JSON.parse(text ?? "{}");
  } catch {
    stored = {};
  }
  const given = typeof stored === "object" && stored !== null ? (stored as Record<string, unknown>) : {};
  const choices: Partial<Record<keyof SettingValues, readonly string[]>> = {
    theme: ["system", "light", "dark"],
    language: ["system", "en", "ru", "pseudo"],
  };
  const entries = Object.entries(DEFAULTS).map(([name, fallback]) => {
    const value = given[name];
    const allowed = choices[name as keyof SettingValues];
    const isGood =
      allowed === undefined ? typeof value === typeof fallback : allowed.includes(value as string);
    return [name, isGood ? value : fallback];
  });
  return Object.fromEntries(entries) as SettingValues;
}
