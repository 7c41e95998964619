/** A row: a message, or a line between messages. */

import { day, moment } from "../../i18n/dates.ts";
import { t } from "../../i18n/words.ts";
import type { Row } from "../../state/room-model.ts";
import { Icon } from "../basics/icon.tsx";
import { Rich } from "../basics/rich.tsx";
import { WaveLine } from "../basics/scene.tsx";
import { memo } from "./memo.ts";
import { MessageView } from "./message-view.tsx";

interface Props {
  row: Row;
  isActive: boolean;
  isLit: boolean;
}

export const RowView = memo(({ row, isActive, isLit }: Props) => {
  switch (row.is) {
    case "message":
      return <MessageView row={row} isActive={isActive} isLit={isLit} />;
    case "day":
      return (
        <div class="day" data-key={row.key}>
          <span>{day(row.at)}</span>
        </div>
      );
    case "unread":
      return (
        <div class="divider" data-key={row.key}>
          <WaveLine />
          <span>{t("timeline.unread", { n: row.count })}</span>
          <WaveLine />
        </div>
      );
    case "beginning":
      return (
        <div class="aside" data-key={row.key}>
          <Icon name="archive" size={16} />
          {t("timeline.beginning")}
        </div>
      );
    case "gap":
      return (
        <div class="aside gap" data-key={row.key} title={`${moment(row.since)} – ${moment(row.until)}`}>
          <Icon name="warning" size={16} />
          <span>
            <GapWords who={row.who} count={row.count} />
          </span>
        </div>
      );
  }
});

function GapWords({ who, count }: { who: string | undefined; count: number | undefined }) {
  if (who !== undefined && count !== undefined) {
    return <Rich k="gap.who_count" with={{ n: count, name: who }} />;
  }
  if (who !== undefined) {
    return <Rich k="gap.who" with={{ name: who }} />;
  }
  return <>{count === undefined ? t("gap.some") : t("gap.count", { n: count })}</>;
}
