/** What others see of the user, and the mail address. */
import { useState } from "preact/hooks";
import { t } from "../../i18n/words.ts";
import type { Me, ProfileField } from "../../state/model.ts";
import { useApp } from "../app-context.ts";
import { Field } from "../basics/field.tsx";
import { errorOf, FormProblem } from "../basics/problem.tsx";
import { useTask } from "../basics/task.ts";
import { Saved } from "./saved.tsx";

type Values = { [field in ProfileField]: string };

/** The fields, as a problem of the relay calls them. */
const FIELDS = ["display_name", "about", "avatar", "email"];

export function Profile() {
  const { session } = useApp();
  const me = session.me.value;
  const task = useTask();
  const [changed, setChanged] = useState<Partial<Values>>({});
  const [isSaved, setSaved] = useState(false);
  const values = { ...valuesOf(me), ...changed };
  const field = (name: ProfileField) => ({
    value: values[name],
    onValue: (value: string) => {
      setSaved(false);
      setChanged({ ...changed, [name]: value });
    },
  });
  const save = async () => {
    // Only what the user has changed here: another device may have changed the rest.
    const known = valuesOf(me);
    const fields = Object.entries(changed).map(([name, value]) => [name, value.trim()] as const);
    const fresh = fields.filter(([name, value]) => value !== known[name as ProfileField]);
    const done = await task.run(() => session.changeProfile(Object.fromEntries(fresh)));
    setSaved(done !== undefined);
    if (done !== undefined) {
      setChanged({});
    }
  };
  return (
    <form
      class="form"
      aria-label={t("person.profile")}
      onSubmit={async (event) => {
        event.preventDefault();
        await save();
      }}
    >
      <dl class="facts">
        <dt>{t("login.username")}</dt>
        <dd>
          @<bdi>{me?.username}</bdi>
        </dd>
      </dl>
      <Field
        label={t("register.display_name")}
        {...field("displayName")}
        hint={t("register.display_name_hint")}
        error={errorOf(task.problem, "display_name")}
      />
      <Field
        label={t("account.about")}
        {...field("about")}
        hint={t("account.about_hint")}
        error={errorOf(task.problem, "about")}
        isLong
      />
      <Field
        label={t("account.avatar")}
        {...field("avatar")}
        hint={t("account.avatar_hint")}
        error={errorOf(task.problem, "avatar")}
        inputMode="url"
      />
      <Field
        label={t("account.email")}
        type="email"
        {...field("email")}
        hint={t("account.email_hint")}
        error={errorOf(task.problem, "email")}
      />
      <FormProblem problem={task.problem} fields={FIELDS} />
      <div class="buttons">
        <button type="submit" class="button primary" disabled={task.isBusy}>
          {t("save")}
        </button>
        <Saved is={isSaved} />
      </div>
    </form>
  );
}

function valuesOf(me: Me | undefined): Values {
  return {
    displayName: me?.displayName ?? "",
    about: me?.about ?? "",
    avatar: me?.avatar ?? "",
    email: me?.email ?? "",
  };
}
