-- Who exists, where they are logged in, and which rooms they share. Nothing that anybody wrote is ever stored.
-- Times are milliseconds since the Unix epoch. Text that is sorted or paged by has COLLATE "C", so that both
-- databases, and every locale, agree on the order.

CREATE TABLE users (
    id                  UUID PRIMARY KEY,
    -- In its canonical form: two spellings of one name are one name.
    username            TEXT COLLATE "C" NOT NULL UNIQUE,
    display_name        TEXT,
    -- The display name in lower case, for finding people.
    display_name_folded TEXT COLLATE "C",
    password_hash       TEXT NOT NULL,
    created_at          BIGINT NOT NULL,
    password_changed_at BIGINT NOT NULL,
    -- Who may make a direct room with them, and who may put them into other rooms; what others hear and see of them.
    direct_from         TEXT NOT NULL DEFAULT 'anybody' CHECK (direct_from IN ('anybody', 'friends')),
    add_from            TEXT NOT NULL DEFAULT 'anybody' CHECK (add_from IN ('anybody', 'friends')),
    receipts            BOOLEAN NOT NULL DEFAULT TRUE,
    presence            BOOLEAN NOT NULL DEFAULT TRUE
);
CREATE INDEX users_by_display_name ON users (display_name_folded);

-- A device is logged in if, and only if, its row exists: logging out deletes it.
CREATE TABLE devices (
    id           UUID PRIMARY KEY,
    user_id      UUID NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    name         TEXT NOT NULL,
    ip           TEXT,
    user_agent   TEXT,
    created_at   BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    -- The epoch of its latest connection; never goes back, whatever the clock does.
    last_epoch   BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX devices_by_user ON devices (user_id);

CREATE TABLE refresh_tokens (
    hash       BYTEA PRIMARY KEY,
    device_id  UUID NOT NULL REFERENCES devices (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    -- Set when it was rotated; seen again after that, it was stolen or copied.
    used_at    BIGINT
);
CREATE INDEX refresh_tokens_by_device ON refresh_tokens (device_id, used_at);

-- The outbox of channels that are still to be deleted at the broker. No foreign keys: it outlives device and account.
CREATE TABLE closing_channels (
    device_id  UUID PRIMARY KEY,
    user_id    UUID NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX closing_channels_by_age ON closing_channels (created_at, device_id);

CREATE TABLE rooms (
    id          UUID PRIMARY KEY,
    kind        TEXT NOT NULL CHECK (kind IN ('direct', 'group', 'channel')),
    name        TEXT,
    -- What the room is about, for those who may see it: a sign on its door, and no message.
    description TEXT,
    -- The name in lower case, for finding channels and for their order.
    name_folded TEXT COLLATE "C" NOT NULL DEFAULT '',
    -- "lesser uuid:greater uuid", so that a pair has one direct room at most.
    direct_key  TEXT COLLATE "C" UNIQUE,
    created_at  BIGINT NOT NULL,
    created_by  UUID REFERENCES users (id) ON DELETE SET NULL,
    CHECK ((kind = 'direct') = (direct_key IS NOT NULL))
);
CREATE INDEX rooms_by_creator ON rooms (created_by);
CREATE INDEX channels_by_name ON rooms (name_folded, id) WHERE kind = 'channel';

CREATE TABLE memberships (
    room_id     UUID NOT NULL REFERENCES rooms (id) ON DELETE CASCADE,
    user_id     UUID NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    role        TEXT NOT NULL CHECK (role IN ('owner', 'admin', 'moderator', 'member')),
    muted_until BIGINT NOT NULL DEFAULT 0,
    joined_at   BIGINT NOT NULL,
    PRIMARY KEY (room_id, user_id)
);
CREATE INDEX memberships_by_user ON memberships (user_id, room_id);
CREATE INDEX memberships_by_age ON memberships (room_id, joined_at, user_id);

-- Mutes of those who have left the room, so that coming back does not lift them. A row goes when its user comes back, or when the mute
-- has ended.
CREATE TABLE room_mutes (
    room_id UUID NOT NULL REFERENCES rooms (id) ON DELETE CASCADE,
    user_id UUID NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    until   BIGINT NOT NULL,
    PRIMARY KEY (room_id, user_id)
);
CREATE INDEX room_mutes_by_user ON room_mutes (user_id);
CREATE INDEX room_mutes_by_end ON room_mutes (until);

-- Who may come into a room and has not said yet. A row goes with the answer, and when its user comes in by another way.
CREATE TABLE invitations (
    room_id    UUID NOT NULL REFERENCES rooms (id) ON DELETE CASCADE,
    user_id    UUID NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    invited_by UUID NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (room_id, user_id)
);
CREATE INDEX invitations_by_user ON invitations (user_id, created_at, room_id);
CREATE INDEX invitations_by_inviter ON invitations (invited_by);

-- Friendships, and requests for one: a row a pair, the lesser id first.
CREATE TABLE friendships (
    lesser   UUID NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    greater  UUID NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- Which of the two has asked; NULL once they are friends.
    asked_by UUID CHECK (asked_by IN (lesser, greater)),
    since    BIGINT NOT NULL,
    PRIMARY KEY (lesser, greater),
    CHECK (lesser < greater)
);
CREATE INDEX friendships_by_greater ON friendships (greater, lesser);

CREATE TABLE blocks (
    blocker UUID NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    blocked UUID NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    since   BIGINT NOT NULL,
    PRIMARY KEY (blocker, blocked)
);
CREATE INDEX blocks_by_blocked ON blocks (blocked);

-- Keys that sign access tokens.
CREATE TABLE signing_keys (
    kid        TEXT COLLATE "C" PRIMARY KEY,
    secret     BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    active_at  BIGINT NOT NULL,
    retired_at BIGINT
);
