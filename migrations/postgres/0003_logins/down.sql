ALTER TABLE refresh_tokens DROP COLUMN successor;
ALTER TABLE refresh_tokens DROP COLUMN salt;
DROP INDEX devices_by_last_seen;
ALTER TABLE devices DROP COLUMN proven_at;
ALTER TABLE devices DROP COLUMN token_generation;
