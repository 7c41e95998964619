/** A labelled field of a form, with what helps and what is wrong. */
import type { ComponentChildren, Ref } from "preact";
import { useId, useState } from "preact/hooks";
import { t } from "../../i18n/words.ts";
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
  inputRef?: Ref<HTMLInputElement>;
  required?: boolean;
  inputMode?: "numeric" | "text";
  /** Several lines. */
  isLong?: boolean;
}

export function Field(props: Props) {
  const id = useId();
  const [isShown, setShown] = useState(false);
  const isPassword = props.type === "password";
  const described = [
    props.error === undefined ? "" : `${id}-error`,
    props.hint === undefined ? "" : `${id}-hint`,
  ];
  return (
    <div class="field">
      <label for={id}>{props.label}</label>
      {props.isLong === true ? (
        <textarea
          class="input"
          id={id}
          rows={3}
          value={props.value}
          dir="auto"
          maxLength={props.maxLength}
          aria-invalid={props.error !== undefined}
          aria-describedby={described.join(" ").trim() || undefined}
          onInput={(event) => props.onValue(event.currentTarget.value)}
        />
      ) : (
        <div class={isPassword ? "with-button" : undefined}>
          <input
            class="input"
            id={id}
            ref={props.inputRef ?? null}
            name={props.name}
            // The types want one literal for each kind of input.
            type={(isPassword && isShown ? "text" : (props.type ?? "text")) as "text"}
            value={props.value}
            dir={props.type === undefined ? "auto" : undefined}
            maxLength={props.maxLength}
            autocomplete={props.autocomplete ?? "off"}
            autocapitalize="none"
            spellcheck={false}
            inputmode={props.inputMode}
            required={props.required}
            aria-invalid={props.error !== undefined}
            aria-describedby={described.join(" ").trim() || undefined}
            onInput={(event) => props.onValue(event.currentTarget.value)}
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
      {props.error === undefined ? null : (
        <p class="error" id={`${id}-error`}>
          <Icon name="warning" size={16} />
          {props.error}
        </p>
      )}
      {props.hint === undefined ? null : (
        <p class="hint" id={`${id}-hint`}>
          {props.hint}
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
