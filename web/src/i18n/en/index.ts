/** The words in English. The other languages have the same keys. */
import { account } from "./account.ts";
import { notices } from "./notices.ts";
import { problems } from "./problems.ts";
import { room } from "./room.ts";
import { settings } from "./settings.ts";
import { shell } from "./shell.ts";

export const en = { ...shell, ...room, ...account, ...settings, ...problems, ...notices } as const;
