/** The frame of a page that stands alone. */
import type { ComponentChildren } from "preact";
import { Sea, Sign } from "../basics/scene.tsx";

export function Alone(props: { title: string; text?: ComponentChildren; children?: ComponentChildren }) {
  return (
    <div class="alone">
      <main>
        <div class="mast">
          <Sign size={48} />
          <h1>{props.title}</h1>
          {props.text === undefined ? null : <p>{props.text}</p>}
        </div>
        {props.children}
      </main>
      <Sea />
    </div>
  );
}
