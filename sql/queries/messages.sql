-- name: page(conversation_id, before, limit)
-- The last messages of a conversation before one of them, newest first.
SELECT id, conversation_id, sender_type, content, send_time, status, reasoning, reasoning_ms, model, failure,
       request_id, seams, seq
FROM messages WHERE conversation_id = :conversation_id AND id < :before AND replaced = 0
ORDER BY id DESC LIMIT :limit;

-- name: messages_since(user_id, seq, limit)
SELECT id, conversation_id, sender_type, content, send_time, status, reasoning, reasoning_ms, model, failure,
       request_id, seams, seq
FROM messages WHERE user_id = :user_id AND seq > :seq AND replaced = 0 ORDER BY seq LIMIT :limit;

-- name: message(id)^
SELECT id, conversation_id, sender_type, content, send_time, status, reasoning, reasoning_ms, model, failure,
       request_id, seams, seq
FROM messages WHERE id = :id;

-- name: insert_message(conversation_id, user_id, sender_type, content, status, request_id, seq)<!
INSERT INTO messages (conversation_id, user_id, sender_type, content, status, request_id, seq)
VALUES (:conversation_id, :user_id, :sender_type, :content, :status, :request_id, :seq);

-- name: running_in(conversation_id)$
SELECT COUNT(*) FROM messages WHERE conversation_id = :conversation_id AND status = 'running';

-- name: all_running()
SELECT id, user_id, content FROM messages WHERE status = 'running';

-- name: checkpoint(content, reasoning, id)!
UPDATE messages SET content = :content, reasoning = :reasoning WHERE id = :id AND status = 'running';

-- name: checkpoint_all(content, reasoning, id)*!
UPDATE messages SET content = :content, reasoning = :reasoning WHERE id = :id AND status = 'running';

-- name: finish(content, reasoning, reasoning_ms, status, model, failure, seq, id)!
UPDATE messages
SET content = :content, reasoning = :reasoning, reasoning_ms = :reasoning_ms, status = :status, model = :model,
    failure = :failure, seq = :seq
WHERE id = :id AND status = 'running';

-- name: interrupt(status, failure, seq, id)!
UPDATE messages SET status = :status, failure = :failure, seq = :seq WHERE id = :id AND status = 'running';

-- name: reopen(seams, seq, id)!
-- A broken answer runs again, from the text it has.
UPDATE messages SET status = 'running', failure = '', seams = :seams, seq = :seq WHERE id = :id;

-- name: unfinished_of(user_id)$
SELECT COUNT(*) FROM messages WHERE user_id = :user_id AND status = 'running';

-- name: said_before(user_id, request_id)^
-- What a user said under a request id whose first reply was pruned: persona, conversation, question, its text, answer.
SELECT (SELECT persona_id FROM conversations WHERE id = asked.conversation_id),
       asked.conversation_id, asked.id, asked.content,
       (SELECT MIN(answer.id) FROM messages AS answer
        WHERE answer.conversation_id = asked.conversation_id AND answer.id > asked.id)
FROM messages AS asked WHERE asked.user_id = :user_id AND asked.request_id = :request_id AND asked.request_id <> '';

-- name: replace(seq, id)!
UPDATE messages SET replaced = 1, seq = :seq WHERE id = :id;

-- name: delete_messages(conversation_id)!
DELETE FROM messages WHERE conversation_id = :conversation_id;

-- name: import_message(conversation_id, user_id, sender_type, content, send_time, status, reasoning, reasoning_ms, model, failure, seams, seq)<!
INSERT INTO messages (conversation_id, user_id, sender_type, content, send_time, status, reasoning, reasoning_ms, model,
                      failure, seams, seq)
VALUES (:conversation_id, :user_id, :sender_type, :content, :send_time, :status, :reasoning, :reasoning_ms, :model,
        :failure, :seams, :seq);
