-- Devices from which a user has logged in before. Wrong guesses of others do not keep them out.
CREATE TABLE known_devices (
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- SHA-256 of the token that the device has.
    hash    BLOB NOT NULL,
    -- The last login with it.
    used_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, hash)
) STRICT;
CREATE INDEX known_devices_by_age ON known_devices (used_at);
