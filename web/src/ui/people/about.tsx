/** What a user says of themselves. It is asked for when it is looked at, and not stored. */
import { t } from "../../i18n/words.ts";

export interface Said {
  about?: string;
  avatar?: string;
}

export function About({ about, avatar }: Said) {
  // The relay takes other references too, which no browser can open.
  const picture = avatar?.startsWith("https://") === true ? avatar : undefined;
  return (
    <>
      {about === undefined ? null : (
        <p class="description" dir="auto">
          {about}
        </p>
      )}
      {picture === undefined ? null : (
        <p class="faint">
          <a href={picture} target="_blank" rel="noopener noreferrer nofollow">
            {t("person.picture")}
          </a>
        </p>
      )}
    </>
  );
}
