-- Answers that were continued, answers that wait their turn, and the pruning of what only serves repeats and resumes.

ALTER TABLE messages ADD COLUMN seams TEXT NOT NULL DEFAULT '[]'; -- JSON list: code points before each continuation

CREATE INDEX messages_unfinished ON messages (user_id) WHERE status = 'running';
CREATE INDEX messages_by_request ON messages (user_id, request_id) WHERE request_id <> '';

ALTER TABLE tombstones ADD COLUMN time DATETIME NOT NULL DEFAULT '';
UPDATE tombstones SET time = CURRENT_TIMESTAMP;

-- Up to where a user's tombstones are gone: whoever resumes from before it loads everything anew.
CREATE TABLE pruned (
    user_id INTEGER PRIMARY KEY,
    seq INTEGER NOT NULL
);

CREATE INDEX tombstones_by_time ON tombstones (user_id, time);
CREATE INDEX requests_by_time ON requests (user_id, create_time);
