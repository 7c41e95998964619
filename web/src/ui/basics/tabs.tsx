/** Pages beside each other, each with an address. The open one is in view. */
import type { ComponentChild } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { href, type Route } from "../route.ts";

export function Tabs(props: {
  label: string;
  tabs: readonly { to: Route; isOpen: boolean; label: string; badge?: ComponentChild }[];
}) {
  const nav = useRef<HTMLElement>(null);
  const open = props.tabs.findIndex(({ isOpen }) => isOpen);
  // On a narrow page they do not all fit.
  useLayoutEffect(() => {
    nav.current?.children[open]?.scrollIntoView({ block: "nearest", inline: "center" });
  }, [open]);
  return (
    <nav class="tabs" aria-label={props.label} ref={nav}>
      {props.tabs.map(({ to, isOpen, label, badge }) => (
        <a key={href(to)} href={href(to)} aria-current={isOpen ? "page" : undefined}>
          {label}
          {badge}
        </a>
      ))}
    </nav>
  );
}
