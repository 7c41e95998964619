-- Version 2. `generation` counts the backups that were begun when a record arrived. So the next
-- backup finds what is in none before it.
ALTER TABLE message ADD COLUMN generation INTEGER NOT NULL DEFAULT 0;
ALTER TABLE notice ADD COLUMN generation INTEGER NOT NULL DEFAULT 0;
ALTER TABLE outcome ADD COLUMN generation INTEGER NOT NULL DEFAULT 0;

-- Whether a message is deleted is asked for each action on it, and anybody may have sent thousands
-- of deletions that do not count.
CREATE INDEX message_deletion ON message (target_id, target_user, actor) WHERE kind = 'delete' AND target_id IS NOT NULL;
CREATE INDEX message_moderation ON message (target_id, target_user) WHERE kind = 'delete' AND target_id IS NOT NULL AND role > 0;

-- Since when this device collects: no later than its oldest message.
INSERT OR IGNORE INTO cell (kind, key, stamp, value)
    SELECT 100, CAST('began' AS BLOB), min(sent_at), 'null' FROM message HAVING min(sent_at) IS NOT NULL;
