/** Who is writing now, or a passing notice. */
import { useEffect } from "preact/hooks";
import { t } from "../../i18n/words.ts";
import { useRoomView } from "../timeline/room-view.ts";

/** A problem takes longer to read. */
const NOTICE_MS = 4_000;
const PROBLEM_MS = 10_000;

export function WritingLine() {
  const { room, notice } = useRoomView();
  const said = notice.value;
  useEffect(() => {
    if (said === undefined) {
      return undefined;
    }
    const timer = setTimeout(
      () => {
        notice.value = undefined;
      },
      said.isProblem ? PROBLEM_MS : NOTICE_MS,
    );
    return () => clearTimeout(timer);
  }, [said]);
  const writing = room.row.value?.writing ?? [];
  const [first, second] = writing;
  const words =
    first === undefined
      ? undefined
      : second === undefined
        ? t("writing.one", { name: first })
        : writing.length === 2
          ? t("writing.two", { name: first, other: second })
          : t("writing.many", { n: writing.length });
  return (
    <div class="writing-line">
      {said === undefined ? null : (
        <span class={said.isProblem ? "bad" : undefined} role={said.isProblem ? "alert" : "status"}>
          {said.words}
        </span>
      )}
      {said !== undefined || words === undefined ? null : (
        <>
          <span class="dots" aria-hidden="true">
            <i />
            <i />
            <i />
          </span>
          <span class="one-line">{words}</span>
        </>
      )}
    </div>
  );
}
