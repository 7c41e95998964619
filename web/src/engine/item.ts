/** What a frame brings to the store. */

import type { Message } from "../core/message.ts";
import { rawFields } from "../core/raw-json.ts";
import { BadRecord, type MessageRecord, recordOfFrame } from "../core/record.ts";
import type { Frame, Sent } from "../wire/frames.ts";
import type { Notice, Receipt } from "../wire/reports.ts";

export type Item =
  | { is: "message"; delivery: string; message: Message; record: MessageRecord }
  | { is: "notice"; delivery: string; notice: Notice; line: string }
  | { is: "receipt"; delivery: string; receipt: Receipt }
  | { is: "later"; delivery: string; text: string }
  | { is: "sent"; sent: Sent }
  | { is: "drained"; at: number };

/** Returns nothing for a frame that is not stored. */
export function itemOf(frame: Frame, text: string): Item | undefined {
  switch (frame.type) {
    case "message": {
      const record = recordOf(text);
      return record === undefined
        ? { is: "later", delivery: frame.delivery, text }
        : { is: "message", delivery: frame.delivery, message: frame.message, record };
    }
    case "notice": {
      const line = rawFields(text).get("notice") ?? "{}";
      return { is: "notice", delivery: frame.delivery, notice: frame.notice, line };
    }
    case "receipt":
      return { is: "receipt", delivery: frame.delivery, receipt: frame.receipt };
    case "unknown":
      return frame.delivery === undefined ? undefined : { is: "later", delivery: frame.delivery, text };
    case "sent":
      return { is: "sent", sent: frame };
    default:
      return undefined;
  }
}

function recordOf(text: string): MessageRecord | undefined {
  try {
    return recordOfFrame(text);
  } catch (error) {
    if (error instanceof BadRecord) {
      return undefined;
    }
    throw error;
  }
}
