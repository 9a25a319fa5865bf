-- Full-text search. The index knows which messages have which three letters in a row, and no more: a match is looked
-- for in the messages themselves. It is filled after the fact, user by user, in the order of the log.

CREATE VIRTUAL TABLE messages_text USING fts5(text, content='', detail=none, tokenize='trigram');

-- Up to where a user's messages are in the index. `id` tells those of one position apart, as the seed's are.
CREATE TABLE indexed (
    user_id INTEGER PRIMARY KEY,
    seq INTEGER NOT NULL,
    id INTEGER NOT NULL
);
