DROP TABLE signing_keys;
DROP TABLE room_mutes;
DROP TABLE memberships;
DROP TABLE rooms;
DROP TABLE closing_channels;
DROP TABLE refresh_tokens;
DROP TABLE devices;
DROP TABLE users;
