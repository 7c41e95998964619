/** The words in Russian. */
import type { Translation } from "../words.ts";
import { account } from "./account.ts";
import { notices } from "./notices.ts";
import { problems } from "./problems.ts";
import { room } from "./room.ts";
import { settings } from "./settings.ts";
import { shell } from "./shell.ts";

export const ru: Translation = { ...shell, ...room, ...account, ...settings, ...problems, ...notices };
