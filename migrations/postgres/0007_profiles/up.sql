-- What users say about themselves, and requests that may come twice.

-- For everybody with an account to see.
ALTER TABLE users ADD COLUMN about TEXT;
-- An https URL, or a reference that clients understand. Ferry never fetches it.
ALTER TABLE users ADD COLUMN avatar TEXT;
-- For the user alone. Nobody has checked it.
ALTER TABLE users ADD COLUMN email TEXT;

-- What a login or a new room made, under the key that its client gave it, so that a repetition makes nothing more.
CREATE TABLE idempotency_keys (
    user_id    UUID NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- SHA-256 of the key and of what it is for.
    key        BYTEA NOT NULL,
    -- SHA-256 of the request, without its password.
    request    BYTEA NOT NULL,
    -- The device or the room. No foreign key: the key stays known if that is gone.
    made       UUID NOT NULL,
    -- Whether the request made it; false for a direct room that was there before.
    is_new     BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, key)
);
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);
