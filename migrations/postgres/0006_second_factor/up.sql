-- A second factor beside the password: time-based codes (TOTP, RFC 6238), and recovery codes for when the app is lost.

CREATE TABLE second_factors (
    user_id      UUID NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    -- 20 random bytes, as the user's app has them.
    secret       BYTEA NOT NULL,
    -- NULL until a first code has confirmed that the app has the secret. Until then, a login needs no code.
    active_since BIGINT,
    -- The last step of 30 s whose code was accepted: no code is accepted twice.
    last_step    BIGINT NOT NULL DEFAULT 0,
    -- How far ahead of the clock the tries of codes are: each adds an hour, and a right code takes it back.
    login_tries  BIGINT NOT NULL DEFAULT 0,
    device_tries BIGINT NOT NULL DEFAULT 0
);

-- SHA-256 of each recovery code that is not used yet.
CREATE TABLE recovery_codes (
    user_id UUID NOT NULL REFERENCES second_factors (user_id) ON DELETE CASCADE,
    hash    BYTEA NOT NULL,
    PRIMARY KEY (user_id, hash)
);
