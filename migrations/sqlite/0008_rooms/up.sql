-- Bans, the number of members, and users who do not want to be found.

-- Whether a search by a part of a name finds the user.
ALTER TABLE users ADD COLUMN findable INTEGER NOT NULL DEFAULT 1;

-- Who may not come into a room. A row goes when the ban is lifted or has ended.
CREATE TABLE room_bans (
    room_id    TEXT NOT NULL REFERENCES rooms (id) ON DELETE CASCADE,
    user_id    TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- NULL once they have deleted their account.
    banned_by  TEXT REFERENCES users (id) ON DELETE SET NULL,
    until      INTEGER NOT NULL,
    reason     TEXT,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (room_id, user_id)
) STRICT;
CREATE INDEX room_bans_by_user ON room_bans (user_id);
CREATE INDEX room_bans_by_end ON room_bans (until);
CREATE INDEX room_bans_by_banner ON room_bans (banned_by);

-- Kept by the triggers, so that it is right whichever version of a relay changes memberships.
ALTER TABLE rooms ADD COLUMN member_count INTEGER NOT NULL DEFAULT 0;
UPDATE rooms SET member_count = (SELECT count(*) FROM memberships WHERE memberships.room_id = rooms.id);
CREATE TRIGGER members_come AFTER INSERT ON memberships BEGIN UPDATE rooms SET member_count = member_count + 1 WHERE id = NEW.room_id; END;
CREATE TRIGGER members_go AFTER DELETE ON memberships BEGIN UPDATE rooms SET member_count = member_count - 1 WHERE id = OLD.room_id; END;
