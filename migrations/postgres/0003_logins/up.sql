-- Logins that survive a lost answer, and devices whose tokens can be revoked without their queue.

-- Access tokens carry this number. Those with a smaller one are revoked.
ALTER TABLE devices ADD COLUMN token_generation BIGINT NOT NULL DEFAULT 0;
-- When the user last proved the password on this device.
ALTER TABLE devices ADD COLUMN proven_at BIGINT NOT NULL DEFAULT 0;
UPDATE devices SET proven_at = created_at;
CREATE INDEX devices_by_last_seen ON devices (last_seen_at);

-- A used token gives its successor again: HMAC-SHA256 of the token under this salt. The successor's hash is beside it.
ALTER TABLE refresh_tokens ADD COLUMN salt BYTEA;
ALTER TABLE refresh_tokens ADD COLUMN successor BYTEA;
