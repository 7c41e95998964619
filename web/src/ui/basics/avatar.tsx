/** The picture of a person or a room: letters on a colour. */
import type { RoomKind } from "../../core/message.ts";
import { t } from "../../i18n/words.ts";
import type { Presence } from "../../state/answer.ts";
import { hueOf, initials } from "../names.ts";
import { Icon } from "./icon.tsx";

interface Props {
  id: string;
  name: string;
  kind?: RoomKind;
  size?: "tiny" | "small" | "large";
  presence?: Presence | undefined;
}

export function Avatar({ id, name, kind = "direct", size, presence }: Props) {
  const pixels = { tiny: 12, small: 16, large: 34 };
  const shape = kind === "direct" ? "" : "square";
  return (
    <span class={`avatar ${size ?? ""} ${shape} ${hueOf(id)}`}>
      {kind === "channel" ? (
        <Icon name="hash" size={size === undefined ? 20 : pixels[size]} />
      ) : (
        <span aria-hidden="true">{initials(name)}</span>
      )}
      {presence === "online" || presence === "away" ? (
        <span class={`presence ${presence}`}>
          <span class="hidden-words">{t(`presence.${presence}`)}</span>
        </span>
      ) : null}
    </span>
  );
}
