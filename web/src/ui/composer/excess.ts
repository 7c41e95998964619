/** How much a text is too long for a frame. */
import { utf8Length } from "../../core/text.ts";

/** What the frame of a relay of this version holds, without what stands around the text. */
export const FRAME_ROOM = 65_536 - 2_048;

/** Returns by how many bytes a text is too long; 0 or less if it fits. */
export function excessOf(text: string): number {
  // A character has at most six bytes in JSON, so a short text needs no counting.
  return text.length * 6 <= FRAME_ROOM ? 0 : utf8Length(JSON.stringify(text)) - FRAME_ROOM;
}
