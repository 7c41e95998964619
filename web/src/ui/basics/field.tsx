/** A labelled field of a form, with what helps and what is wrong. */
import type { ComponentChildren, Ref, RefObject } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { t } from "../../i18n/words.ts";
import { ErrorText } from "./error-text.tsx";
import { Icon } from "./icon.tsx";

interface Props {
  label: string;
  value: string;
  onValue(value: string): void;
  hint?: string | undefined;
  error?: string | undefined;
  type?: "text" | "password" | "email" | "date";
  autocomplete?: string;
  name?: string;
  maxLength?: number;
  inputRef?: RefObject<HTMLInputElement | null> | undefined;
  required?: boolean;
  inputMode?: "numeric" | "text" | "url";
  /** Several lines. */
  isLong?: boolean;
}

export function Field(props: Props) {
  const id = useId();
  const own = useRef<HTMLInputElement & HTMLTextAreaElement>(null);
  const [isShown, setShown] = useState(false);
  const { error, hint, label, type, inputRef = own } = props;
  const isPassword = type === "password";
  // The user corrects what is wrong without a search for its field.
  useEffect(() => {
    if (error !== undefined) {
      inputRef.current?.focus();
    }
  }, [error]);
  const described = [error === undefined ? "" : `${id}-error`, hint === undefined ? "" : `${id}-hint`];
  const shared = {
    class: "input",
    id,
    value: props.value,
    maxLength: props.maxLength,
    "aria-invalid": error !== undefined,
    "aria-describedby": described.join(" ").trim() || undefined,
    onInput: (event: { currentTarget: { value: string } }) => props.onValue(event.currentTarget.value),
  };
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {props.isLong === true ? (
        <textarea {...shared} ref={own} rows={3} dir="auto" />
      ) : (
        <div class={isPassword ? "with-button" : undefined}>
          <input
            {...shared}
            ref={inputRef}
            name={props.name}
            // The types want one literal for each kind of input.
            type={(isPassword && isShown ? "text" : (type ?? "text")) as "text"}
            dir={type === undefined ? "auto" : undefined}
            autocomplete={props.autocomplete ?? "off"}
            autocapitalize="none"
            spellcheck={false}
            inputmode={props.inputMode}
            required={props.required}
          />
          {isPassword ? (
            <button
              type="button"
              class="icon-button"
              aria-label={t("field.show_password")}
              aria-pressed={isShown}
              onClick={() => setShown(!isShown)}
            >
              <Icon name={isShown ? "eye-off" : "eye"} />
            </button>
          ) : null}
        </div>
      )}
      {error === undefined ? null : <ErrorText id={`${id}-error`}>{error}</ErrorText>}
      {hint === undefined ? null : (
        <p class="hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
    </div>
  );
}

/** A box to tick, or a switch. */
export function Choice(props: {
  label: string;
  hint?: string;
  isOn: boolean;
  isSwitch?: boolean;
  onChange(isOn: boolean): void;
}) {
  const box = (
    <input
      type="checkbox"
      role={props.isSwitch === true ? "switch" : undefined}
      checked={props.isOn}
      onChange={(event) => props.onChange(event.currentTarget.checked)}
    />
  );
  const words = (
    <span>
      <span>{props.label}</span>
      {props.hint === undefined ? null : <span class="hint">{props.hint}</span>}
    </span>
  );
  return (
    // biome-ignore lint/a11y/noLabelWithoutControl: the box is within
    <label class={props.isSwitch === true ? "choice switch" : "choice"}>
      {props.isSwitch === true ? [words, box] : [box, words]}
    </label>
  );
}

/** One of a few, beside each other. */
export function Segments<T extends string>(props: {
  label: string;
  value: T;
  options: readonly { value: T; label: string }[];
  onChange: (value: T) => void;
}) {
  const name = useId();
  return (
    <fieldset class="field">
      <legend class="label">{props.label}</legend>
      <div class="segments">
        {props.options.map(({ value, label }) => (
          <label key={value}>
            <input
              type="radio"
              name={name}
              checked={value === props.value}
              onChange={() => props.onChange(value)}
            />
            <span>{label}</span>
          </label>
        ))}
      </div>
    </fieldset>
  );
}

export function SearchField(props: {
  label: string;
  value: string;
  onValue(value: string): void;
  inputRef?: Ref<HTMLInputElement>;
  keys?: string;
  children?: ComponentChildren;
}) {
  return (
    <span class="search-field">
      <Icon name="search" size={18} />
      <input
        class="input"
        type="search"
        ref={props.inputRef ?? null}
        value={props.value}
        placeholder={props.label}
        aria-label={props.label}
        autocomplete="off"
        spellcheck={false}
        dir="auto"
        onInput={(event) => props.onValue(event.currentTarget.value)}
      />
      {props.keys === undefined || props.value !== "" ? null : <kbd>{props.keys}</kbd>}
    </span>
  );
}
