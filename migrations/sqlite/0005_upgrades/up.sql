-- Relays of two versions on one database.

-- The migrations that have run: the SHA-256 of each, so that a changed one is noticed, and the newest migration that a
-- relay must know to work with it.
CREATE TABLE applied_migrations (
    version  TEXT NOT NULL PRIMARY KEY,
    checksum TEXT NOT NULL,
    needs    TEXT NOT NULL
) STRICT;
