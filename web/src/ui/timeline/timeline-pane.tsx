/** The rows of a room, and the way back to the end. */
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { quietly } from "../../core/quietly.ts";
import { t } from "../../i18n/words.ts";
import type { Row } from "../../state/room-model.ts";
import { Empty } from "../basics/empty.tsx";
import { Icon } from "../basics/icon.tsx";
import { copyRows } from "./copy-rows.ts";
import { InView } from "./in-view.ts";
import { useRoomView } from "./room-view.ts";
import { RowView } from "./row-view.tsx";

export function TimelinePane() {
  const view = useRoomView();
  const { room, hold } = view;
  const { timeline } = room;
  const rows = timeline.rows.value;
  const anchor = timeline.anchor.value;
  const log = useRef<HTMLDivElement>(null);
  const applied = useRef<unknown>(undefined);
  const isPlaced = useRef(false);
  const inView = useRef<InView | undefined>(undefined);
  const [active, setActive] = useState<string>();
  const [lit, setLit] = useState<string>();
  const fresh = useFresh(rows);

  useLayoutEffect(() => (log.current === null ? undefined : hold.attach(log.current)), []);
  useEffect(() => {
    if (log.current === null) {
      return undefined;
    }
    const watch = new InView(log.current, (keys) => room.inView(keys));
    inView.current = watch;
    return () => watch.end();
  }, []);
  useEffect(() => inView.current?.follow(), [rows]);

  useLayoutEffect(() => {
    hold.restore();
    if (rows.length === 0) {
      return;
    }
    const unread = rows.find((row) => row.is === "unread");
    if (anchor !== undefined && anchor !== applied.current) {
      if (anchor === "end") {
        hold.toEnd();
        applied.current = anchor;
      } else if (hold.toRow(anchor.key)) {
        applied.current = anchor;
        setActive(anchor.key);
        setLit(anchor.highlight ? anchor.key : undefined);
      }
    } else if (!isPlaced.current && unread !== undefined) {
      hold.toRow(unread.key);
    } else if (!isPlaced.current) {
      hold.toEnd();
    }
    isPlaced.current = true;
    tell();
  }, [rows, anchor]);

  const tell = () => {
    const seen = hold.note();
    if (seen !== undefined) {
      timeline.visible(seen.first, seen.last);
    }
  };
  const messages = rows.filter((row) => row.is === "message");
  const focused = messages.some(({ key }) => key === active) ? active : messages.at(-1)?.key;
  return (
    <div class="timeline-frame">
      <div
        class="timeline"
        ref={log}
        role="log"
        aria-live="off"
        aria-label={t("timeline.label")}
        onScroll={tell}
        onCopy={(event) => copyRows(event, rows)}
        onKeyDown={(event) => {
          // A menu or a dialog of a row closes itself with this key.
          const isInside = (event.target as Element).closest("dialog") !== null;
          if (event.key === "Escape" && !isInside) {
            event.preventDefault();
            view.focusComposer();
            return;
          }
          const keys = messages.map(({ key }) => key);
          move(event, keys, focused, setActive);
        }}
        onFocusIn={(event) => {
          const key = (event.target as Element).closest<HTMLElement>(".message")?.dataset["key"];
          if (key !== undefined) {
            setActive(key);
          }
        }}
      >
        <div class="timeline-rows">
          {rows.map((row) => (
            <RowView key={row.key} row={row} isActive={row.key === focused} isLit={row.key === lit} />
          ))}
        </div>
        {messages.length === 0 ? <EmptyRoom /> : null}
      </div>
      <ToEnd fresh={fresh} />
    </div>
  );
}

function EmptyRoom() {
  const row = useRoomView().room.row.value;
  return (
    <div class="room-empty">
      <Empty
        drawing="ferry"
        title={t("timeline.empty")}
        text={
          row?.kind === "direct" ? t("timeline.empty_direct", { name: row.name }) : t("timeline.empty_text")
        }
      />
    </div>
  );
}

function ToEnd({ fresh }: { fresh: number }) {
  const view = useRoomView();
  const { isAtEnd, beyond } = view.room.timeline;
  if (view.hold.isAtEnd.value && isAtEnd.value) {
    return null;
  }
  const n = fresh + beyond.value;
  return (
    <button type="button" class="to-end" onClick={() => quietly(view.toEnd())} data-new={n}>
      <Icon name="down" size={18} />
      {n === 0 ? t("timeline.to_end") : t("timeline.new", { n })}
    </button>
  );
}

/** How many messages of others came below since the end was last seen. */
function useFresh(rows: readonly Row[]): number {
  const { hold } = useRoomView();
  const lastSeen = useRef<string | undefined>(undefined);
  const isAtEnd = hold.isAtEnd.value;
  if (isAtEnd || lastSeen.current === undefined) {
    lastSeen.current = rows.at(-1)?.key;
    return 0;
  }
  const at = rows.findIndex(({ key }) => key === lastSeen.current);
  return at < 0 ? 0 : rows.slice(at + 1).filter((row) => row.is === "message" && !row.isMine).length;
}

/** Arrows go from message to message. */
function move(
  event: KeyboardEvent,
  keys: readonly string[],
  active: string | undefined,
  setActive: (key: string) => void,
): void {
  const log = event.currentTarget as HTMLElement;
  if (!(event.target as HTMLElement).matches(".message, .timeline")) {
    return;
  }
  const at = active === undefined ? keys.length : keys.indexOf(active);
  const to: Record<string, number> = {
    ArrowUp: Math.max(0, at - 1),
    ArrowDown: at + 1,
    Home: 0,
    End: keys.length - 1,
  };
  const index = to[event.key];
  const key = index === undefined ? undefined : keys[index];
  if (index === undefined || event.altKey) {
    return;
  }
  event.preventDefault();
  if (key !== undefined) {
    setActive(key);
    const row = [...log.querySelectorAll<HTMLElement>(".message")].find(
      ({ dataset }) => dataset["key"] === key,
    );
    row?.focus({ preventScroll: true });
    row?.scrollIntoView({ block: "nearest" });
  }
}
