-- What relays must agree on: who runs, who does a task, and who tries a deletion next. Here the clock of the database counts, and
-- not those of the relays.

-- The epoch of what the device sends over HTTP, a stream of its own. Never goes back.
ALTER TABLE devices ADD COLUMN http_epoch BIGINT NOT NULL DEFAULT 0;

-- The next try of a deletion. The first is due when the logout itself, which deletes the channel too, is surely over.
ALTER TABLE closing_channels ADD COLUMN next_try_at BIGINT NOT NULL
    DEFAULT ((extract(epoch FROM clock_timestamp()) * 1000)::bigint + 8000);
ALTER TABLE closing_channels ADD COLUMN tries INTEGER NOT NULL DEFAULT 0;
-- The nodes that have not deleted it yet, with commas between them. NULL: all of them.
ALTER TABLE closing_channels ADD COLUMN nodes TEXT;
CREATE INDEX closing_channels_by_next_try ON closing_channels (next_try_at);

-- A row is one run of a relay. It says so every second.
CREATE TABLE relays (
    run     UUID PRIMARY KEY,
    seen_at BIGINT NOT NULL
);

-- A task that one relay does for all.
CREATE TABLE leases (
    task       TEXT COLLATE "C" PRIMARY KEY,
    holder     UUID NOT NULL,
    expires_at BIGINT NOT NULL
);
