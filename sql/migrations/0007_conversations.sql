-- What a user does with conversations: pinned, archived, tagged, read, deleted for a while.

ALTER TABLE conversations ADD COLUMN pinned INTEGER NOT NULL DEFAULT 0;
ALTER TABLE conversations ADD COLUMN archived INTEGER NOT NULL DEFAULT 0;
ALTER TABLE conversations ADD COLUMN tags TEXT NOT NULL DEFAULT '[]'; -- JSON list of texts
ALTER TABLE conversations ADD COLUMN unread INTEGER NOT NULL DEFAULT 0; -- 1: something was said after read_id
ALTER TABLE conversations ADD COLUMN read_id INTEGER NOT NULL DEFAULT 0; -- the last message that was read
ALTER TABLE conversations ADD COLUMN titled INTEGER NOT NULL DEFAULT 0; -- 1: by its user, and nobody else changes it

-- One that is deleted and may come back belongs, with its messages, to user -n for a while. So no query for user n
-- finds it, and none needs to look whether it is deleted.
ALTER TABLE conversations ADD COLUMN deleted_time DATETIME NOT NULL DEFAULT '';
