-- What operators do with accounts, and who may make one.

-- What an operator has set for a user.
CREATE TABLE account_rules (
    user_id     TEXT NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    -- Since when logins are refused. NULL if they are not.
    disabled_at INTEGER,
    -- The user's own limit of devices. NULL means that of the relay.
    max_devices INTEGER
) STRICT;

-- Codes with which a user sets a new password once.
CREATE TABLE password_resets (
    user_id    TEXT NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    -- SHA-256 of the code.
    hash       BLOB NOT NULL,
    expires_at INTEGER NOT NULL,
    -- When the password was set with it. The row stays until it expires, so that a repetition is answered alike.
    used_at    INTEGER
) STRICT;
CREATE INDEX password_resets_by_age ON password_resets (expires_at);

-- Tokens with which strangers may make an account.
CREATE TABLE registration_tokens (
    -- The name by which operators know it. It is no secret.
    id           TEXT NOT NULL PRIMARY KEY,
    -- SHA-256 of the token.
    hash         BLOB NOT NULL UNIQUE,
    -- NULL means any number.
    uses_allowed INTEGER,
    uses         INTEGER NOT NULL DEFAULT 0,
    created_at   INTEGER NOT NULL,
    -- NULL means never.
    expires_at   INTEGER
) STRICT;
