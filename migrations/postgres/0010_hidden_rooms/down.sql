ALTER TABLE memberships DROP COLUMN hidden;
