ALTER TABLE users DROP COLUMN findable;
DROP TRIGGER members_go;
DROP TRIGGER members_come;
ALTER TABLE rooms DROP COLUMN member_count;
DROP TABLE room_bans;
