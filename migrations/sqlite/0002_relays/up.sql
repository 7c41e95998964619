-- What relays must agree on: who runs, who does a task, and who tries a deletion next. Here the clock of the database counts, and
-- not those of the relays. (Over SQLite one relay runs alone, and the tables are the same.)

-- The epoch of what the device sends over HTTP, a stream of its own. Never goes back.
ALTER TABLE devices ADD COLUMN http_epoch INTEGER NOT NULL DEFAULT 0;

-- SQLite adds no column whose default is an expression, so the table is made anew.
DROP INDEX closing_channels_by_age;
ALTER TABLE closing_channels RENAME TO closing_channels_before;
CREATE TABLE closing_channels (
    device_id   TEXT NOT NULL PRIMARY KEY,
    user_id     TEXT NOT NULL,
    created_at  INTEGER NOT NULL,
    -- The next try of the deletion. The first is due when the logout itself, which deletes the channel too, is surely over.
    next_try_at INTEGER NOT NULL DEFAULT (CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER) + 8000),
    tries       INTEGER NOT NULL DEFAULT 0,
    -- The nodes that have not deleted it yet, with commas between them. NULL: all of them.
    nodes       TEXT
) STRICT;
INSERT INTO closing_channels (device_id, user_id, created_at)
    SELECT device_id, user_id, created_at FROM closing_channels_before;
DROP TABLE closing_channels_before;
CREATE INDEX closing_channels_by_age ON closing_channels (created_at, device_id);
CREATE INDEX closing_channels_by_next_try ON closing_channels (next_try_at);

-- A row is one run of a relay. It says so every second.
CREATE TABLE relays (
    run     TEXT NOT NULL PRIMARY KEY,
    seen_at INTEGER NOT NULL
) STRICT;

-- A task that one relay does for all.
CREATE TABLE leases (
    task       TEXT NOT NULL PRIMARY KEY,
    holder     TEXT NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;
