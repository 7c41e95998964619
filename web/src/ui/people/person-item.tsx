/** A person in a list. */
import type { ComponentChildren } from "preact";
import type { Person } from "../../state/model.ts";
import { Avatar } from "../basics/avatar.tsx";
import { href } from "../route.ts";

interface Props {
  person: Person;
  /** What more there is to say of them here. */
  detail?: string;
  children?: ComponentChildren;
}

export function PersonItem({ person, detail, children }: Props) {
  return (
    <li class="item">
      <Avatar id={person.id} name={person.name} presence={person.presence} />
      <div class="grow">
        <a class="who" href={href({ at: "person", user: person.id })}>
          <bdi class="name one-line">{person.name}</bdi>
          <span class="faint one-line">
            @<bdi>{person.username}</bdi>
          </span>
        </a>
        {detail === undefined ? null : (
          <span class="faint" dir="auto">
            {detail}
          </span>
        )}
      </div>
      {children}
    </li>
  );
}
