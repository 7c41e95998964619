/** What went wrong, said aloud as it appears. A field names it as its description. */
import type { ComponentChildren } from "preact";
import { Icon } from "./icon.tsx";

export function ErrorText({ id, children }: { id?: string; children: ComponentChildren }) {
  return (
    <p class="error" role="alert" id={id}>
      <Icon name="warning" size={16} />
      <span>{children}</span>
    </p>
  );
}
