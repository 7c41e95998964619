-- Version 3. What opens and seals messages changes in the transaction that stores them.
CREATE TABLE secret (key BLOB NOT NULL PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;
-- `json` is what the user wrote. `sealed` is the body that is sent in its place, and with which keys.
ALTER TABLE outbox ADD COLUMN sealed TEXT;
-- A check sum of the row's content. NULL once the message is deleted, and for rows from before.
ALTER TABLE message ADD COLUMN sum INTEGER;
CREATE INDEX message_unopened ON message (room) WHERE state & 48;

-- The number of the row is the last column of each index.
DROP INDEX message_by_room;
CREATE INDEX message_by_room ON message (room);

-- Nobody asks for the length of a text: what is found is ordered by time. schema.rs fills it.
DROP TABLE words;
CREATE VIRTUAL TABLE words USING fts5 (text, content = '', columnsize = 0, tokenize = 'unicode61 remove_diacritics 2');
INSERT INTO words (words, rank) VALUES ('secure-delete', 1);
