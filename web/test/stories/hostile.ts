/** Puts a text of others into every place where one is shown. */

import type { FakeApp } from "./fake-app.ts";
import type { FakeRoom } from "./fake-room.ts";
import { ANN, BOB, HOUR, id, NOW } from "./people.ts";
import { ROOM } from "./rooms.ts";
import { say } from "./talk.ts";

export function HOSTILE(app: FakeApp, text: string): void {
  const author = { id: id(8), username: text.slice(0, 64), name: text };
  const said = [
    say(author, NOW - 3 * HOUR, text, {
      isEdited: true,
      reactions: [{ emoji: text, count: 1, isMine: false, names: [text] }],
    }),
    say(
      author,
      NOW - 2 * HOUR,
      { is: "forward", text, from: text, at: NOW },
      {
        reply: { target: { message: id(1), from: id(2) }, author: text, text, isHere: true },
      },
    ),
    say(author, NOW - HOUR, { is: "unknown", kind: text }),
    say(author, NOW - HOUR, { is: "deleted", by: text }, { unreachable: [text] }),
    say(author, NOW - HOUR, "x", {
      problem: { key: "problem.unknown", values: { code: text }, detail: text },
    }),
  ];
  const row = {
    id: ROOM.strange,
    kind: "group" as const,
    name: text,
    last: { author: text, isMine: false, text, at: NOW },
    unread: 1,
    mentions: 0,
    isMuted: false,
    isHidden: false,
    description: text,
    writing: [],
    isMember: true,
  };
  app.list.value = [row, { ...row, id: id(111), writing: [text] }, { ...row, id: id(112), draft: text }];
  const me = app.me.peek();
  if (me !== undefined) {
    app.me.value = { ...me, displayName: text, username: author.username };
  }
  app.known.value = app.known.value.map((person) => ({ ...person, username: author.username, name: text }));
  app.about = text;
  if (location.hash.startsWith("#/person/")) {
    // What somebody says of themselves is asked for when their page opens.
    location.hash = `#/person/${location.hash.endsWith(ANN.id) ? BOB.id : ANN.id}`;
  }
  app.friends.value = [author];
  app.requests.value = { incoming: [author], outgoing: [author] };
  app.blocked.value = [author];
  app.invitations.value = [{ room: id(201), name: text, kind: "group", by: text, at: NOW }];
  app.devices.value = app.devices.value.map((device) => ({ ...device, name: text, address: text }));
  app.noticeList.value = app.noticeList.value.map((notice) => ({
    ...notice,
    values: { name: text, address: text, user: text, by: text, room: text },
  }));
  app.announcement.value = text;
  const room: FakeRoom = app.openRoom(ROOM.strange);
  room.row.value = { ...row, writing: [text, text] };
  room.timeline.said.value = [];
  room.timeline.reset(said);
  room.members.value = room.members.value.map((member) => ({
    ...member,
    username: author.username,
    name: text,
  }));
}

/** Puts each text into a row of the lists that a dialog asks for when it opens. */
export function HOSTILE_LISTS(app: FakeApp, texts: readonly string[]): void {
  const room: FakeRoom = app.openRoom(ROOM.strange);
  const authors = texts.map((text, at) => ({ id: id(1_000 + at), username: text.slice(0, 64), name: text }));
  room.bans = authors.map((user) => ({ user, by: user.name, reason: user.name }));
  room.openInvitations = authors.map((user) => ({ user, by: user.name, at: NOW }));
}
