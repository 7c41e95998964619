/** The user's own messages. The device that sends gets no copy, so it makes one. */
import type { Id } from "../core/id.ts";
import type { Message } from "../core/message.ts";
import { rawFields } from "../core/raw-json.ts";
import { type MessageRecord, recordOfLine } from "../core/record.ts";
import { readMessage, type Sent } from "../wire/frames.ts";

const TAKEN = ["id", "room", "kind", "body", "reply_to", "mentions", "content_type", "after"];

/** Returns the copy of a message that others get, from the frame that was sent. */
export function stamped(
  frame: string,
  { sent_at, epoch, seq, role = "member", stream }: Sent,
  user: Id,
  device: Id,
): { message: Message; record: MessageRecord } | undefined {
  const fields = [...rawFields(frame)].filter(([name]) => TAKEN.includes(name));
  const parts = fields.map(([name, json]) => `${JSON.stringify(name)}:${json}`);
  const from = JSON.stringify({ user, device, role });
  const stamp = JSON.stringify({ stream, epoch, seq, sent_at }).slice(1, -1);
  const json = `{${parts.join(",")},"from":${from},${stamp}}`;
  const message = readMessage(JSON.parse(json));
  return message === undefined ? undefined : { message, record: recordOfLine(json) };
}
