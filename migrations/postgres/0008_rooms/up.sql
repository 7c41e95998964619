-- Bans, the number of members, and users who do not want to be found.

-- In the order in which relays lock, and all at once: a relay that holds users and waits for rooms would otherwise wait for ever.
LOCK TABLE users, rooms, memberships IN ACCESS EXCLUSIVE MODE;

-- Whether a search by a part of a name finds the user.
ALTER TABLE users ADD COLUMN findable BOOLEAN NOT NULL DEFAULT TRUE;

-- Who may not come into a room. A row goes when the ban is lifted or has ended.
CREATE TABLE room_bans (
    room_id    UUID NOT NULL REFERENCES rooms (id) ON DELETE CASCADE,
    user_id    UUID NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- NULL once they have deleted their account.
    banned_by  UUID REFERENCES users (id) ON DELETE SET NULL,
    until      BIGINT NOT NULL,
    reason     TEXT,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (room_id, user_id)
);
CREATE INDEX room_bans_by_user ON room_bans (user_id);
CREATE INDEX room_bans_by_end ON room_bans (until);
CREATE INDEX room_bans_by_banner ON room_bans (banned_by);

-- Kept by the triggers, so that it is right whichever version of a relay changes memberships. One update for each statement, and not
-- for each row: a room of a thousand is made with a few.
ALTER TABLE rooms ADD COLUMN member_count BIGINT NOT NULL DEFAULT 0;
CREATE FUNCTION count_those_who_come() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN UPDATE rooms SET member_count = member_count + came.n FROM (SELECT room_id, count(*) AS n FROM changed GROUP BY room_id) AS came WHERE rooms.id = came.room_id; RETURN NULL; END $$;
CREATE FUNCTION count_those_who_go() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN UPDATE rooms SET member_count = member_count - gone.n FROM (SELECT room_id, count(*) AS n FROM changed GROUP BY room_id) AS gone WHERE rooms.id = gone.room_id; RETURN NULL; END $$;
CREATE TRIGGER members_come AFTER INSERT ON memberships REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION count_those_who_come();
CREATE TRIGGER members_go AFTER DELETE ON memberships REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION count_those_who_go();
UPDATE rooms SET member_count = (SELECT count(*) FROM memberships WHERE memberships.room_id = rooms.id);
