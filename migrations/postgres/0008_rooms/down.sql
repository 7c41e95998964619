ALTER TABLE users DROP COLUMN findable;
DROP TRIGGER members_go ON memberships;
DROP TRIGGER members_come ON memberships;
DROP FUNCTION count_those_who_go();
DROP FUNCTION count_those_who_come();
ALTER TABLE rooms DROP COLUMN member_count;
DROP TABLE room_bans;
