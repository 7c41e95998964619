-- Quotas that strangers cannot fill.

-- Whether the user made the room, joined it or accepted an invitation. Only such rooms count towards the limit of a user.
ALTER TABLE memberships ADD COLUMN chosen INTEGER NOT NULL DEFAULT 1;

-- How many people a user has added to rooms and invited on one day (days since the Unix epoch, UTC).
CREATE TABLE daily_counts (
    user_id TEXT NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    day     INTEGER NOT NULL,
    added   INTEGER NOT NULL,
    invited INTEGER NOT NULL
) STRICT;
