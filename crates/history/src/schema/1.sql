-- The tables of a history, version 1. A landed version never changes; a new one is a new step in
-- schema.rs.

CREATE TABLE meta (key TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;

-- Ids have 16 bytes. A row refers to a device or a room by a small number.
CREATE TABLE actor (n INTEGER PRIMARY KEY, user BLOB NOT NULL, device BLOB NOT NULL, UNIQUE (user, device)) STRICT;
CREATE TABLE room (
    n    INTEGER PRIMARY KEY,
    id   BLOB NOT NULL UNIQUE,
    -- 0 until it is known, 1 direct, 2 group, 3 channel. It decides who may delete.
    kind INTEGER NOT NULL DEFAULT 0
) STRICT;

-- `n` grows with `sent_at`: the milliseconds, and 21 bits that tell messages of one moment apart.
CREATE TABLE message (
    n           INTEGER PRIMARY KEY,
    actor       INTEGER NOT NULL,
    id          BLOB NOT NULL,
    room        INTEGER NOT NULL,
    sent_at     INTEGER NOT NULL,
    epoch       INTEGER NOT NULL,
    seq         INTEGER NOT NULL,
    role        INTEGER NOT NULL,
    kind        TEXT NOT NULL,
    -- NULL once the message is deleted.
    body        TEXT,
    -- The other fields as a JSON object, also those that this version does not know.
    extra       TEXT,
    after       BLOB,
    -- The message that this one acts on.
    target_user BLOB,
    target_id   BLOB,
    -- Bits: see record.rs.
    state       INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX message_by_id ON message (id, actor);
CREATE INDEX message_by_room ON message (room, n);
CREATE INDEX message_by_target ON message (target_id, target_user) WHERE target_id IS NOT NULL;
CREATE INDEX message_unprinted ON message (n) WHERE state & 1;
CREATE INDEX message_late ON message (room, n) WHERE state & 4;

CREATE TABLE notice (id BLOB NOT NULL PRIMARY KEY, at INTEGER NOT NULL, json TEXT NOT NULL, state INTEGER NOT NULL)
    STRICT, WITHOUT ROWID;
CREATE INDEX notice_unprinted ON notice (at) WHERE state & 1;

-- What became of the user's own messages. `what`: 1 delivered, 2 expired, 3 unreachable.
CREATE TABLE outcome (
    message BLOB NOT NULL,
    actor   INTEGER NOT NULL,
    what    INTEGER NOT NULL,
    at      INTEGER NOT NULL,
    PRIMARY KEY (message, actor, what)
) STRICT, WITHOUT ROWID;

-- What has one current value: cursors, and the last that is known of rooms and people.
CREATE TABLE cell (kind INTEGER NOT NULL, key BLOB NOT NULL, stamp INTEGER NOT NULL, value TEXT NOT NULL, PRIMARY KEY (kind, key))
    STRICT, WITHOUT ROWID;

-- The user's own messages that no relay has confirmed.
CREATE TABLE outbox (id BLOB NOT NULL PRIMARY KEY, room BLOB NOT NULL, json TEXT NOT NULL, at INTEGER NOT NULL)
    STRICT, WITHOUT ROWID;

-- Deliveries that this version could not read, for a later one.
CREATE TABLE unread_frame (n INTEGER PRIMARY KEY, at INTEGER NOT NULL, json TEXT NOT NULL) STRICT;

-- The newest of what a device sends to a room in one way (0 socket, 1 HTTP).
CREATE TABLE stream (
    actor   INTEGER NOT NULL,
    room    INTEGER NOT NULL,
    way     INTEGER NOT NULL,
    epoch   INTEGER NOT NULL,
    highest INTEGER NOT NULL,
    sent_at INTEGER NOT NULL,
    PRIMARY KEY (actor, room, way)
) STRICT, WITHOUT ROWID;

-- Times for which nobody can prove that nothing was lost. `reason`: see holes.rs.
CREATE TABLE hole (
    n         INTEGER PRIMARY KEY,
    reason    INTEGER NOT NULL,
    since     INTEGER NOT NULL,
    until     INTEGER NOT NULL,
    noticed   INTEGER NOT NULL,
    actor     INTEGER,
    room      INTEGER,
    way       INTEGER,
    epoch     INTEGER,
    first     INTEGER,
    last      INTEGER,
    after     BLOB
) STRICT;
CREATE INDEX hole_of_stream ON hole (actor, room) WHERE actor IS NOT NULL;

-- How many records a month has, and the sum of their ids modulo 2^256.
CREATE TABLE month (m INTEGER PRIMARY KEY, count INTEGER NOT NULL, sum BLOB NOT NULL) STRICT;

-- The words of texts. It stores no text, so a deletion has to name what it removes.
CREATE VIRTUAL TABLE words USING fts5 (text, content = '', tokenize = 'unicode61 remove_diacritics 2');
INSERT INTO words (words, rank) VALUES ('secure-delete', 1);
