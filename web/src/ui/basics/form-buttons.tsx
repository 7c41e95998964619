/** The foot of a form in a dialog: to leave it, and to send it. */
import { t } from "../../i18n/words.ts";

export function FormButtons(props: {
  submit: string;
  isBusy: boolean;
  isDanger?: boolean;
  /** Something is left to fill in. */
  isIncomplete?: boolean;
  onCancel(): void;
}) {
  return (
    <div class="buttons end">
      <button type="button" class="button" onClick={props.onCancel}>
        {t("cancel")}
      </button>
      <button
        type="submit"
        class={props.isDanger === true ? "button danger" : "button primary"}
        disabled={props.isBusy || props.isIncomplete === true}
      >
        {props.submit}
      </button>
    </div>
  );
}
