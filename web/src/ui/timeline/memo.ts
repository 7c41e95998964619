/** Draws a component again only if a property is another one. */
import { Component, type ComponentType, type FunctionComponent, h } from "preact";

export function memo<P extends object>(draw: FunctionComponent<P>): ComponentType<P> {
  return class Memo extends Component<P> {
    override shouldComponentUpdate(next: P): boolean {
      const keys = Object.keys(next) as (keyof P)[];
      return keys.some((key) => next[key] !== this.props[key]);
    }

    override render() {
      return h(draw, this.props as P);
    }
  };
}
