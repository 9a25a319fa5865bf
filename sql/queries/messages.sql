-- name: page(conversation_id, before, limit)
-- The last messages of a conversation before one of them, newest first.
SELECT id, conversation_id, sender_type, content, send_time, status, reasoning, reasoning_ms, model, failure,
       request_id, seams, seq
FROM messages WHERE conversation_id = :conversation_id AND id < :before AND replaced = 0
ORDER BY id DESC LIMIT :limit;

-- name: said_until(conversation_id, before, limit)
-- The same, for a model.
SELECT sender_type, content
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

-- name: insert_question_and_answer(conversation_id, user_id, content, time, request_id, question_seq, answer_seq)<!
-- -> the answer's id; the question's is one less.
INSERT INTO messages (conversation_id, user_id, sender_type, content, send_time, status, request_id, seq)
VALUES (:conversation_id, :user_id, 0, :content, :time, 'done', :request_id, :question_seq),
       (:conversation_id, :user_id, 1, '', :time, 'running', '', :answer_seq);

-- name: insert_answer(conversation_id, user_id, time, seq)<!
INSERT INTO messages (conversation_id, user_id, sender_type, content, send_time, status, seq)
VALUES (:conversation_id, :user_id, 1, '', :time, 'running', :seq);

-- name: all_running()
SELECT id, user_id, content FROM messages WHERE status = 'running';

-- name: checkpoint_all(content, reasoning, id)*!
UPDATE messages SET content = :content, reasoning = :reasoning WHERE id = :id AND status = 'running';

-- name: finish(content, reasoning, reasoning_ms, status, model, failure, seq, id)^
-- -> what the message has besides.
UPDATE messages
SET content = :content, reasoning = :reasoning, reasoning_ms = :reasoning_ms, status = :status, model = :model,
    failure = :failure, seq = :seq
WHERE id = :id AND status = 'running' RETURNING conversation_id, send_time, seams, user_id;

-- name: interrupt(status, failure, seq, id)!
UPDATE messages SET status = :status, failure = :failure, seq = :seq WHERE id = :id AND status = 'running';

-- name: reopen(seams, seq, id)!
-- A broken answer runs again, from the text it has.
UPDATE messages SET status = 'running', failure = '', seams = :seams, seq = :seq WHERE id = :id;

-- name: before_turn(user_id, request_id)^
-- How many answers of a user are unfinished; of a request id: the question said under it, and the first reply.
SELECT COUNT(*),
       (SELECT MIN(id) FROM messages WHERE user_id = :user_id AND request_id = :request_id AND request_id <> ''),
       (SELECT digest FROM requests WHERE user_id = :user_id AND request_id = :request_id),
       (SELECT reply FROM requests WHERE user_id = :user_id AND request_id = :request_id)
FROM messages WHERE user_id = :user_id AND status = 'running';

-- name: said_before(id)^
-- A question whose first reply was pruned: persona, conversation, question, its text, answer.
SELECT (SELECT persona_id FROM conversations WHERE id = asked.conversation_id),
       asked.conversation_id, asked.id, asked.content,
       (SELECT MIN(answer.id) FROM messages AS answer
        WHERE answer.conversation_id = asked.conversation_id AND answer.id > asked.id)
FROM messages AS asked WHERE asked.id = :id;

-- name: replace(seq, id)!
UPDATE messages SET replaced = 1, seq = :seq WHERE id = :id;

-- name: delete_messages(conversation_id, limit)!
DELETE FROM messages WHERE id IN (
    SELECT id FROM messages WHERE conversation_id = :conversation_id LIMIT :limit);

-- name: give_messages(user_id, conversation_id)!
UPDATE messages SET user_id = :user_id WHERE conversation_id = :conversation_id;

-- name: message_ids(conversation_id)
SELECT id FROM messages WHERE conversation_id = :conversation_id ORDER BY id;

-- name: bring_message_back(user_id, seq, id)*!
UPDATE messages SET user_id = :user_id, seq = :seq WHERE id = :id;

-- name: where_read(id, conversation_id)$
-- Up to which message one has read who has seen this one: an answer that is being written is not read yet.
SELECT id - (status = 'running') FROM messages WHERE id = :id AND conversation_id = :conversation_id;

-- name: is_unread(conversation_id, read_id)$
-- Whether an answer came, or comes, after a message.
SELECT 1 FROM messages
WHERE conversation_id = :conversation_id AND id > :read_id AND sender_type = 1 AND replaced = 0 LIMIT 1;

-- name: import_message(conversation_id, user_id, sender_type, content, send_time, status, reasoning, reasoning_ms, model, failure, seams, seq)<!
INSERT INTO messages (conversation_id, user_id, sender_type, content, send_time, status, reasoning, reasoning_ms, model,
                      failure, seams, seq)
VALUES (:conversation_id, :user_id, :sender_type, :content, :send_time, :status, :reasoning, :reasoning_ms, :model,
        :failure, :seams, :seq);
