import { describe, it } from "vitest";
import { runSteps, vectorCases } from "../../test/vectors/file.ts";
import type { Role, RoomKind } from "./message.ts";
import {
  ban,
  invite,
  join,
  type Membership,
  manages,
  putMember,
  removeMember,
  requireRole,
  transfer,
  withdrawInvitation,
} from "./roles.ts";

interface Asked {
  kind: RoomKind;
  role: Role | null;
  myself: boolean;
  theirs: Membership | null;
  asked: { role?: Role; muted_until?: number };
  least: Role;
  by: "me" | "other" | null;
}

const standing = ({ kind, role }: Asked) => (role === null ? { kind } : { kind, role });

describe("roles", () => {
  it.each(vectorCases("roles.json"))("$name", (vector) => {
    runSteps(vector, {
      put: (it: Asked) => putMember(standing(it), it.myself, it.theirs ?? undefined, it.asked),
      join: (it: Asked) => join(standing(it)),
      remove: (it: Asked) => removeMember(standing(it), it.myself, it.theirs ?? undefined),
      ban: (it: Asked) => ban(standing(it), it.myself, it.theirs ?? undefined),
      moderates: (it: Asked) => manages(standing(it)),
      transfer: (it: Asked) => transfer(standing(it), it.myself, it.theirs ?? undefined),
      invite: (it: Asked) => invite(standing(it)),
      withdraw: (it: Asked) => withdrawInvitation(standing(it), it.by ?? undefined),
      require: (it: Asked) => requireRole(standing(it), it.least),
    });
  });
});
