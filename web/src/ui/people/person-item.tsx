/** A person in a list. */
import type { ComponentChildren } from "preact";
import type { Person } from "../../state/model.ts";
import { Avatar } from "../basics/avatar.tsx";

export function PersonItem({ person, children }: { person: Person; children?: ComponentChildren }) {
  return (
    <li class="item">
      <Avatar id={person.id} name={person.name} presence={person.presence} />
      <div class="grow">
        <bdi class="name one-line">{person.name}</bdi>
        <span class="faint one-line">
          @<bdi>{person.username}</bdi>
        </span>
      </div>
      {children}
    </li>
  );
}
