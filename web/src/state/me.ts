/** Who is logged in, as the screens show it. */
import { computed, type ReadonlySignal } from "@preact/signals";
import type { Mirror } from "./mirror.ts";
import type { Me } from "./model.ts";

export function meOf(mirror: Mirror): ReadonlySignal<Me | undefined> {
  return computed(() => {
    const home = mirror.home.value;
    if (home === undefined) {
      return undefined;
    }
    const { me: known, settings } = mirror.meta.value;
    const base: Me = {
      id: home.user,
      username: known?.username ?? home.username,
      device: home.device,
      isShared: home.isShared,
      privacy: {
        direct: settings?.direct ?? "anybody",
        add: settings?.add ?? "friends",
        lastSeen: settings?.presence ?? true,
        readReceipts: settings?.receipts ?? true,
        findable: settings?.findable ?? true,
      },
    };
    const { id: _id, username: _username, ...said } = known ?? {};
    return { ...base, ...said };
  });
}
