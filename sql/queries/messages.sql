-- name: page(conversation_id, leaf_id, before, limit)
-- The last messages of the chain that ends in a leaf, above one of them, newest first; each with the ids of all that
-- stand where it stands. A chain is walked row by row, no further than the page needs, and not above its first message:
-- to look for row 0 would read the first page of the table, which may be damaged and is nobody's here.
WITH RECURSIVE path (id, parent_id) AS (
    SELECT id, parent_id FROM messages
    WHERE id = COALESCE((SELECT parent_id FROM messages WHERE id = :before AND conversation_id = :conversation_id),
                        :leaf_id)
    UNION ALL
    SELECT above.id, above.parent_id FROM path CROSS JOIN messages AS above ON above.id = path.parent_id WHERE path.parent_id > 0
)
SELECT m.id, m.conversation_id, sender_type, content, send_time, status, reasoning, reasoning_ms, model, failure,
       request_id, seams, m.parent_id, seq,
       (SELECT GROUP_CONCAT(s.id) FROM messages AS s
        WHERE s.conversation_id = m.conversation_id AND s.parent_id = m.parent_id)
FROM path CROSS JOIN messages AS m ON m.id = path.id WHERE path.id < :before LIMIT :limit;

-- name: said_until(leaf_id, limit)
-- The same, from the leaf on, for a model.
WITH RECURSIVE path (id, parent_id) AS (
    SELECT id, parent_id FROM messages WHERE id = :leaf_id
    UNION ALL
    SELECT above.id, above.parent_id FROM path CROSS JOIN messages AS above ON above.id = path.parent_id WHERE path.parent_id > 0
)
SELECT sender_type, content FROM path CROSS JOIN messages AS m ON m.id = path.id LIMIT :limit;

-- name: messages_since(user_id, seq, limit)
SELECT id, conversation_id, sender_type, content, send_time, status, reasoning, reasoning_ms, model, failure,
       request_id, seams, parent_id, seq
FROM messages WHERE user_id = :user_id AND seq > :seq ORDER BY seq LIMIT :limit;

-- name: message(id)^
SELECT id, conversation_id, sender_type, content, send_time, status, reasoning, reasoning_ms, model, failure,
       request_id, seams, parent_id, seq
FROM messages WHERE id = :id;

-- name: insert_question_and_answer(id, parent_id, conversation_id, user_id, content, time, request_id, question_seq, answer_seq)!
-- The question has this id, and the answer below it the next one.
INSERT INTO messages (id, parent_id, conversation_id, user_id, sender_type, content, send_time, status, request_id, seq)
VALUES (:id, :parent_id, :conversation_id, :user_id, 0, :content, :time, 'done', :request_id, :question_seq),
       (:id + 1, :id, :conversation_id, :user_id, 1, '', :time, 'running', '', :answer_seq);

-- name: insert_answer(id, parent_id, conversation_id, user_id, content, time, status, seq)!
INSERT INTO messages (id, parent_id, conversation_id, user_id, sender_type, content, send_time, status, seq)
VALUES (:id, :parent_id, :conversation_id, :user_id, 1, :content, :time, :status, :seq);

-- name: all_running()
SELECT id, user_id, content FROM messages WHERE status = 'running';

-- name: checkpoint_all(content, reasoning, id)*!
UPDATE messages SET content = :content, reasoning = :reasoning WHERE id = :id AND status = 'running';

-- name: finish(content, reasoning, reasoning_ms, status, model, failure, seq, id)^
-- -> what the message has besides.
UPDATE messages
SET content = :content, reasoning = :reasoning, reasoning_ms = :reasoning_ms, status = :status, model = :model,
    failure = :failure, seq = :seq
WHERE id = :id AND status = 'running' RETURNING conversation_id, send_time, seams, user_id, parent_id;

-- name: interrupt(status, failure, seq, id)!
UPDATE messages SET status = :status, failure = :failure, seq = :seq WHERE id = :id AND status = 'running';

-- name: reopen(seams, seq, id)!
-- A broken answer runs again, from the text it has.
UPDATE messages SET status = 'running', failure = '', seams = :seams, seq = :seq WHERE id = :id;

-- name: before_turn(user_id, request_id)^
-- How many answers of a user are unfinished; of a request id: the question said under it, and the first reply; the
-- last id of a message.
SELECT COUNT(*),
       (SELECT MIN(id) FROM messages WHERE user_id = :user_id AND request_id = :request_id AND request_id <> ''),
       (SELECT digest FROM requests WHERE user_id = :user_id AND request_id = :request_id),
       (SELECT reply FROM requests WHERE user_id = :user_id AND request_id = :request_id),
       COALESCE((SELECT seq FROM sqlite_sequence WHERE name = 'messages'), 0)
FROM messages WHERE user_id = :user_id AND status = 'running';

-- name: said_before(id)^
-- A question whose first reply was pruned: persona, conversation, question, its text, answer.
SELECT (SELECT persona_id FROM conversations WHERE id = asked.conversation_id),
       asked.conversation_id, asked.id, asked.content,
       (SELECT MIN(answer.id) FROM messages AS answer
        WHERE answer.conversation_id = asked.conversation_id AND answer.parent_id = asked.id)
FROM messages AS asked WHERE asked.id = :id;

-- name: is_shown(leaf_id, id)$
-- Whether a message is in the chain that ends in a leaf. Ids fall from one to the next, so it ends there or at once.
WITH RECURSIVE path (id) AS (
    SELECT :leaf_id
    UNION ALL
    SELECT m.parent_id FROM path CROSS JOIN messages AS m ON m.id = path.id WHERE m.parent_id >= :id
)
SELECT MIN(id) = :id FROM path;

-- name: newest_below(conversation_id, id)$
-- Where one comes that goes down from a message (0: from the top) to the newest of each message's children.
WITH RECURSIVE path (id) AS (
    SELECT :id
    UNION ALL
    SELECT (SELECT MAX(m.id) FROM messages AS m WHERE m.conversation_id = :conversation_id AND m.parent_id = path.id)
    FROM path WHERE path.id IS NOT NULL
)
SELECT MAX(id) FROM path;

-- name: delete_branch(conversation_id, id)!
-- A message and all below it.
DELETE FROM messages WHERE id IN (
    WITH RECURSIVE below (id) AS (
        SELECT :id
        UNION ALL
        SELECT m.id FROM below
        CROSS JOIN messages AS m ON m.conversation_id = :conversation_id AND m.parent_id = below.id
    )
    SELECT id FROM below);

-- name: delete_messages(conversation_id, limit)!
DELETE FROM messages WHERE id IN (
    SELECT id FROM messages WHERE conversation_id = :conversation_id LIMIT :limit);

-- name: give_messages(user_id, conversation_id)!
UPDATE messages SET user_id = :user_id WHERE conversation_id = :conversation_id;

-- name: message_ids(conversation_id)
-- Each after the one that it stands below.
SELECT id FROM messages WHERE conversation_id = :conversation_id ORDER BY parent_id, id;

-- name: bring_message_back(user_id, seq, id)*!
UPDATE messages SET user_id = :user_id, seq = :seq WHERE id = :id;

-- name: where_read(id, conversation_id)$
-- Up to which message one has read who has seen this one: an answer that is being written is not read yet.
SELECT id - (status = 'running') FROM messages WHERE id = :id AND conversation_id = :conversation_id;

-- name: is_unread(leaf_id, read_id)$
-- Whether an answer came, or comes, after a message, and is shown.
SELECT 1 FROM messages WHERE id = :leaf_id AND id > :read_id AND sender_type = 1;

-- name: import_message(conversation_id, user_id, sender_type, content, send_time, status, reasoning, reasoning_ms, model, failure, seams, parent_id, seq)<!
INSERT INTO messages (conversation_id, user_id, sender_type, content, send_time, status, reasoning, reasoning_ms, model,
                      failure, seams, parent_id, seq)
VALUES (:conversation_id, :user_id, :sender_type, :content, :send_time, :status, :reasoning, :reasoning_ms, :model,
        :failure, :seams, :parent_id, :seq);
