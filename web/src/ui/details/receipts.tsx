/** What became of an own message: each person's devices, and who has read it. */
import { useMemo } from "preact/hooks";
import type { Id } from "../../core/id.ts";
import { moment } from "../../i18n/dates.ts";
import { t } from "../../i18n/words.ts";
import type { ReceiptRow } from "../../state/room-model.ts";
import { Avatar } from "../basics/avatar.tsx";
import { MarkSign } from "../timeline/mark-sign.tsx";
import { shortened } from "../timeline/quote.tsx";
import { useRoomView } from "../timeline/room-view.ts";
import { SidePane } from "./details.tsx";

export default function Receipts({ message }: { message: Id }) {
  const { room } = useRoomView();
  const receipts = useMemo(() => room.receipts(message), [room, message]).value;
  const row = room.timeline.rows.value.find((row) => row.is === "message" && row.target.message === message);
  const text = row?.is === "message" && row.content.is === "text" ? row.content.text : undefined;
  return (
    <SidePane title={t("receipts.title")}>
      <div class="page scroll">
        <div class="column">
          {row?.is === "message" ? (
            <section class="card">
              {text === undefined ? null : <p dir="auto">{shortened(text)}</p>}
              <p class="faint">{t("receipts.sent", { when: moment(row.at) })}</p>
            </section>
          ) : null}
          <section>
            <h2>{t("receipts.people")}</h2>
            <ul class="rows">
              {receipts.map((receipt) => (
                <li key={receipt.user} class="item">
                  <Avatar id={receipt.user} name={receipt.name} size="small" />
                  <div class="grow">
                    <bdi class="name">{receipt.name}</bdi>
                    <span class="faint">{wordsOf(receipt)}</span>
                  </div>
                  <MarkSign mark={markOf(receipt)} />
                </li>
              ))}
            </ul>
            <p class="hint">{t(receipts.length === 0 ? "receipts.nobody" : "receipts.hint")}</p>
          </section>
        </div>
      </div>
    </SidePane>
  );
}

function wordsOf(receipt: ReceiptRow): string {
  const { readAt, devices, delivered } = receipt;
  if (readAt !== undefined) {
    return t("receipts.read", { when: moment(readAt) });
  }
  if (receipt.isUnreachable) {
    return t("receipts.unreachable");
  }
  if (receipt.isExpired && delivered === 0) {
    return t("receipts.expired");
  }
  return delivered === 0 ? t("receipts.none") : t("receipts.delivered", { n: delivered, all: devices });
}

function markOf(receipt: ReceiptRow) {
  if (receipt.readAt !== undefined) {
    return "read";
  }
  if (receipt.delivered > 0) {
    return "delivered";
  }
  return receipt.isUnreachable ? "unreachable" : receipt.isExpired ? "expired" : "sent";
}
