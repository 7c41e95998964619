/** The login ended elsewhere. The history is here still, and hidden. */
import { useState } from "preact/hooks";
import { t } from "../../i18n/words.ts";
import { attempt } from "../../state/failure.ts";
import type { LoggedOutWhy } from "../../state/session-model.ts";
import { useApp } from "../app-context.ts";
import { Confirm } from "../basics/confirm.tsx";
import { Icon } from "../basics/icon.tsx";
import { Rich } from "../basics/rich.tsx";
import { Alone } from "./alone.tsx";
import { LoginForm } from "./login.tsx";

export function LoggedOut(props: { username: string; why: LoggedOutWhy }) {
  const { session } = useApp();
  const [asks, setAsks] = useState(false);
  const isDeleted = props.why === "account_deleted";
  return (
    <Alone title={t(`logged_out.${props.why}`)} text={t(`logged_out.${props.why}_text`)}>
      <div class="notice-box">
        <Icon name="archive" />
        <p>
          <Rich
            k={isDeleted ? "logged_out.kept_deleted" : "logged_out.kept"}
            with={{ name: props.username }}
          />
        </p>
      </div>
      {props.why === "another_user" ? (
        <button type="button" class="button wide" onClick={() => location.reload()}>
          {t("logged_out.go_on")}
        </button>
      ) : null}
      {isDeleted ? null : <LoginForm mode="login" lastUsername={props.username} isNameFixed />}
      <button type="button" class="button danger wide" onClick={() => setAsks(true)}>
        <Icon name="trash" />
        {t("logged_out.erase")}
      </button>
      {asks ? (
        <Confirm
          title={t("logged_out.erase_title")}
          text={t("logged_out.erase_text")}
          submit={t("logged_out.erase")}
          run={() => attempt(() => session.erase())}
          onClose={() => setAsks(false)}
        />
      ) : null}
    </Alone>
  );
}
