-- A second factor beside the password: time-based codes (TOTP, RFC 6238), and recovery codes for when the app is lost.

CREATE TABLE second_factors (
    user_id      TEXT NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    -- 20 random bytes, as the user's app has them.
    secret       BLOB NOT NULL,
    -- NULL until a first code has confirmed that the app has the secret. Until then, a login needs no code.
    active_since INTEGER,
    -- The last step of 30 s whose code was accepted: no code is accepted twice.
    last_step    INTEGER NOT NULL DEFAULT 0,
    -- How far ahead of the clock the tries of codes are: each adds an hour, and a right code takes it back.
    login_tries  INTEGER NOT NULL DEFAULT 0,
    device_tries INTEGER NOT NULL DEFAULT 0
) STRICT;

-- SHA-256 of each recovery code that is not used yet.
CREATE TABLE recovery_codes (
    user_id TEXT NOT NULL REFERENCES second_factors (user_id) ON DELETE CASCADE,
    hash    BLOB NOT NULL,
    PRIMARY KEY (user_id, hash)
) STRICT;
