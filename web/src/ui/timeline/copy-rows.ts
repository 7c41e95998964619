/** What a copy across messages has: name, time and text of each. */
import { moment } from "../../i18n/dates.ts";
import type { Row } from "../../state/room-model.ts";

/** Within one message the browser copies as ever. */
export function copyRows(event: ClipboardEvent, rows: readonly Row[]): void {
  const selection = getSelection();
  const log = event.currentTarget as HTMLElement;
  if (selection === null || selection.rangeCount === 0) {
    return;
  }
  const range = selection.getRangeAt(0);
  const lines = [...log.querySelectorAll<HTMLElement>(".message")].flatMap((element) => {
    const row = rows.find(({ key }) => key === element.dataset["key"]);
    const body = element.querySelector(".body");
    if (row?.is !== "message" || body === null || !range.intersectsNode(body)) {
      return [];
    }
    const text = clipped(range, body);
    return text === "" ? [] : [`${row.author.name}, ${moment(row.at)}:\n${text}`];
  });
  if (lines.length > 1 && event.clipboardData !== null) {
    event.preventDefault();
    event.clipboardData.setData("text/plain", lines.join("\n\n"));
  }
}

/** The part of a body that is selected. */
function clipped(range: Range, body: Element): string {
  const part = document.createRange();
  part.selectNodeContents(body);
  if (part.compareBoundaryPoints(Range.START_TO_START, range) < 0) {
    part.setStart(range.startContainer, range.startOffset);
  }
  if (part.compareBoundaryPoints(Range.END_TO_END, range) > 0) {
    part.setEnd(range.endContainer, range.endOffset);
  }
  return part.toString();
}
