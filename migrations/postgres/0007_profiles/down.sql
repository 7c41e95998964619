DROP TABLE idempotency_keys;
ALTER TABLE users DROP COLUMN email;
ALTER TABLE users DROP COLUMN avatar;
ALTER TABLE users DROP COLUMN about;
