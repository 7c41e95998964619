-- Quotas that strangers cannot fill.

-- Whether the user made the room, joined it or accepted an invitation. Only such rooms count towards the limit of a user.
ALTER TABLE memberships ADD COLUMN chosen BOOLEAN NOT NULL DEFAULT TRUE;

-- How many people a user has added to rooms and invited on one day (days since the Unix epoch, UTC).
CREATE TABLE daily_counts (
    user_id UUID NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    day     BIGINT NOT NULL,
    added   BIGINT NOT NULL,
    invited BIGINT NOT NULL
);
