/** What a list says that has nothing, and what helps. */
import type { ComponentChildren } from "preact";
import { type Drawing, Scene } from "./scene.tsx";

export function Empty(props: {
  drawing?: Drawing;
  title: string;
  text?: string;
  /** It is all that the page has. */
  isPage?: boolean;
  children?: ComponentChildren;
}) {
  return (
    <div class="empty">
      {props.drawing === undefined ? null : <Scene of={props.drawing} />}
      {props.isPage === true ? <h1>{props.title}</h1> : <h2>{props.title}</h2>}
      {props.text === undefined ? null : <p>{props.text}</p>}
      {props.children}
    </div>
  );
}
