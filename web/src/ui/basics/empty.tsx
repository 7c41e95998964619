/** What a list says that has nothing, and what helps. */
import type { ComponentChildren } from "preact";
import { type Drawing, Scene } from "./scene.tsx";

export function Empty(props: {
  drawing?: Drawing;
  title: string;
  text?: string;
  children?: ComponentChildren;
}) {
  return (
    <div class="empty">
      {props.drawing === undefined ? null : <Scene of={props.drawing} />}
      <h2>{props.title}</h2>
      {props.text === undefined ? null : <p>{props.text}</p>}
      {props.children}
    </div>
  );
}
