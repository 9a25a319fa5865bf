-- Messages are a tree: each stands below another one, and a conversation shows the chain that ends in its leaf. An
-- answer made anew, and a question said in other words, is a sibling of the first one; both are kept.

ALTER TABLE messages ADD COLUMN parent_id INTEGER NOT NULL DEFAULT 0; -- always less than the id; 0: the first one
ALTER TABLE conversations ADD COLUMN leaf_id INTEGER NOT NULL DEFAULT 0; -- 0: nothing is there

-- What was there is one chain; answers that were made anew hang where those hang that took their place.
UPDATE messages SET parent_id = COALESCE(
    (SELECT above.id FROM messages AS above
     WHERE above.conversation_id = messages.conversation_id AND above.id < messages.id AND above.replaced = 0
     ORDER BY above.id DESC LIMIT 1), 0);
UPDATE conversations SET leaf_id = COALESCE(
    (SELECT id FROM messages WHERE conversation_id = conversations.id AND replaced = 0
     ORDER BY id DESC LIMIT 1), 0);

-- Siblings, children, and all of a conversation: one index for one, since every turn writes it twice.
CREATE INDEX messages_by_parent ON messages (conversation_id, parent_id);
DROP INDEX messages_by_conversation;
ALTER TABLE messages DROP COLUMN replaced;

-- Answers that were made anew are not gone after all, and leaves have no position: everybody loads everything anew.
DELETE FROM tombstones WHERE kind = 'message';
UPDATE store SET epoch = lower(hex(randomblob(8)));
