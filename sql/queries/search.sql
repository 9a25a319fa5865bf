-- name: indexed(user_id)^
SELECT seq, id FROM indexed WHERE user_id = :user_id;

-- name: keep_indexed(user_id, seq, id)!
INSERT INTO indexed (user_id, seq, id) VALUES (:user_id, :seq, :id)
ON CONFLICT (user_id) DO UPDATE SET seq = :seq, id = :id;

-- name: not_indexed(user_id, seq, id, length, limit)
-- What has its final text, in the order of the log. An answer that runs gets another position at its end.
SELECT seq, id, substr(content, 1, :length)
FROM messages WHERE user_id = :user_id AND (seq, id) > (:seq, :id) AND status <> 'running'
ORDER BY seq, id LIMIT :limit;

-- name: index_text(id, text)*!
INSERT INTO messages_text (rowid, text) VALUES (:id, :text);

-- name: indexed_texts(conversation_id, length, limit)
SELECT m.id, m.user_id, substr(m.content, 1, :length)
FROM messages AS m JOIN messages_text_docsize AS d ON d.id = m.id
WHERE m.conversation_id = :conversation_id LIMIT :limit;

-- name: indexed_texts_below(conversation_id, id, length)
-- Of a message and all below it.
WITH RECURSIVE below (id) AS (
    SELECT :id
    UNION ALL
    SELECT m.id FROM below CROSS JOIN messages AS m ON m.conversation_id = :conversation_id AND m.parent_id = below.id
)
SELECT m.id, m.user_id, substr(m.content, 1, :length)
FROM below CROSS JOIN messages AS m ON m.id = below.id JOIN messages_text_docsize AS d ON d.id = m.id;

-- name: forget_text(id, text)*!
INSERT INTO messages_text (messages_text, rowid, text) VALUES ('delete', :id, :text);

-- name: newest_message()$
SELECT MAX(id) FROM messages;

-- name: messages_with(words, user_id, before)
-- Those that the index takes for matches, the newest first.
SELECT m.id, m.conversation_id, m.sender_type, m.content, m.send_time
FROM messages_text AS t CROSS JOIN messages AS m ON m.id = t.rowid
WHERE messages_text MATCH :words AND t.rowid < :before
  AND m.user_id = :user_id AND m.status <> 'running'
ORDER BY t.rowid DESC;

-- name: messages_between(user_id, since, before, pattern)
SELECT id, conversation_id, sender_type, content, send_time
FROM messages
WHERE id >= :since AND id < :before AND +user_id = :user_id AND status <> 'running'
  AND content LIKE :pattern ESCAPE '\'
ORDER BY id DESC;

-- name: messages_inside(leaf_id, before, pattern)
-- In the chain that ends in a leaf, the newest first.
WITH RECURSIVE path (id, parent_id) AS (
    SELECT id, parent_id FROM messages WHERE id = :leaf_id
    UNION ALL
    SELECT above.id, above.parent_id FROM path CROSS JOIN messages AS above ON above.id = path.parent_id WHERE path.parent_id > 0
)
SELECT m.id, conversation_id, sender_type, content, send_time
FROM path CROSS JOIN messages AS m ON m.id = path.id
WHERE path.id < :before AND status <> 'running' AND content LIKE :pattern ESCAPE '\';

-- name: titles(user_id, limit)
SELECT id, title FROM conversations WHERE user_id = :user_id ORDER BY touched DESC, id DESC LIMIT :limit;
