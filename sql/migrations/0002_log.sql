-- Users, owners, the state of answers, and the event log.
--
-- The log is no second copy of the data: every row carries `seq`, the position of its last change, and what is
-- deleted leaves a tombstone. What a client missed since a position is then an index range in four tables.

CREATE TABLE store (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    epoch TEXT NOT NULL, -- which store this is: positions of another one mean nothing here
    seq INTEGER NOT NULL -- the last position given out
);

CREATE TABLE users (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    role TEXT NOT NULL, -- owner | member
    token_hash TEXT NOT NULL DEFAULT '', -- SHA-256, hex; a token is 256 random bits, so no salt is needed
    create_time DATETIME DEFAULT CURRENT_TIMESTAMP
);

-- Rows of the seed belong to user 1, the owner.
ALTER TABLE personas ADD COLUMN user_id INTEGER NOT NULL DEFAULT 1;
ALTER TABLE personas ADD COLUMN model TEXT NOT NULL DEFAULT '';
ALTER TABLE personas ADD COLUMN greeting TEXT NOT NULL DEFAULT '';
ALTER TABLE personas ADD COLUMN starters TEXT NOT NULL DEFAULT '[]'; -- JSON list of texts
ALTER TABLE personas ADD COLUMN seq INTEGER NOT NULL DEFAULT 0;

ALTER TABLE conversations ADD COLUMN user_id INTEGER NOT NULL DEFAULT 1;
ALTER TABLE conversations ADD COLUMN update_time DATETIME NOT NULL DEFAULT ''; -- of the newest message
ALTER TABLE conversations ADD COLUMN touched INTEGER NOT NULL DEFAULT 0; -- seq then: the order, whatever the clock does
ALTER TABLE conversations ADD COLUMN seq INTEGER NOT NULL DEFAULT 0;

ALTER TABLE messages ADD COLUMN user_id INTEGER NOT NULL DEFAULT 1; -- whose conversation it is
ALTER TABLE messages ADD COLUMN status TEXT NOT NULL DEFAULT 'done'; -- running | done | stopped | interrupted | failed
ALTER TABLE messages ADD COLUMN reasoning TEXT NOT NULL DEFAULT '';
ALTER TABLE messages ADD COLUMN reasoning_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE messages ADD COLUMN model TEXT NOT NULL DEFAULT '';
ALTER TABLE messages ADD COLUMN failure TEXT NOT NULL DEFAULT ''; -- JSON {code, message, retryable}
ALTER TABLE messages ADD COLUMN request_id TEXT NOT NULL DEFAULT '';
ALTER TABLE messages ADD COLUMN replaced INTEGER NOT NULL DEFAULT 0; -- 1: answered anew, kept but not shown
ALTER TABLE messages ADD COLUMN seq INTEGER NOT NULL DEFAULT 0;

UPDATE conversations SET update_time = COALESCE(
    (SELECT MAX(send_time) FROM messages WHERE messages.conversation_id = conversations.id), create_time);

CREATE TABLE tombstones (
    seq INTEGER PRIMARY KEY,
    user_id INTEGER NOT NULL,
    kind TEXT NOT NULL, -- persona | conversation | message
    ref TEXT NOT NULL, -- the id
    conversation_id INTEGER NOT NULL DEFAULT 0 -- of a message
);

-- The first answer to each request id: a repeat gets it again.
CREATE TABLE requests (
    user_id INTEGER NOT NULL,
    request_id TEXT NOT NULL,
    digest TEXT NOT NULL, -- of the command: the same id with another body is an error
    reply TEXT NOT NULL, -- JSON of the ack
    create_time DATETIME DEFAULT CURRENT_TIMESTAMP,
    PRIMARY KEY (user_id, request_id)
) WITHOUT ROWID;

-- Persona files taken in, by content, so that a deleted starter does not come back.
CREATE TABLE imports (
    digest TEXT PRIMARY KEY,
    create_time DATETIME DEFAULT CURRENT_TIMESTAMP
) WITHOUT ROWID;

CREATE INDEX personas_by_seq ON personas (user_id, seq);
CREATE INDEX conversations_by_seq ON conversations (user_id, seq);
CREATE INDEX conversations_by_persona ON conversations (user_id, persona_id, touched, id);
CREATE INDEX conversations_by_touch ON conversations (user_id, touched, id);
CREATE INDEX messages_by_seq ON messages (user_id, seq);
CREATE INDEX messages_by_conversation ON messages (conversation_id, id);
CREATE INDEX messages_running ON messages (conversation_id) WHERE status = 'running';
CREATE INDEX tombstones_by_user ON tombstones (user_id, seq);
CREATE INDEX conversations_of_persona ON conversations (persona_id); -- for the foreign key
