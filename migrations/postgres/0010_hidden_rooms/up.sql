-- Rooms that a member does not want in their list, for example a direct room that a stranger has made.
ALTER TABLE memberships ADD COLUMN hidden BOOLEAN NOT NULL DEFAULT FALSE;
