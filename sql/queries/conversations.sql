-- name: conversations_of(user_id, limit)
SELECT id, persona_id, title, create_time, update_time, touched, seq
FROM conversations WHERE user_id = :user_id ORDER BY touched DESC, id DESC LIMIT :limit;

-- name: conversations_with(user_id, persona_id, limit)
SELECT id, persona_id, title, create_time, update_time, touched, seq
FROM conversations WHERE user_id = :user_id AND persona_id = :persona_id
ORDER BY touched DESC, id DESC LIMIT :limit;

-- name: conversations_since(user_id, seq)
SELECT id, persona_id, title, create_time, update_time, touched, seq
FROM conversations WHERE user_id = :user_id AND seq > :seq ORDER BY seq;

-- name: conversation(id, user_id)^
SELECT id, persona_id, title, create_time, update_time, touched, seq
FROM conversations WHERE id = :id AND user_id = :user_id;

-- name: newest_conversation_with(user_id, persona_id)^
SELECT id, persona_id, title, create_time, update_time, touched, seq
FROM conversations WHERE user_id = :user_id AND persona_id = :persona_id
ORDER BY touched DESC, id DESC LIMIT 1;

-- name: insert_conversation(persona_id, user_id, title, seq)<!
INSERT INTO conversations (persona_id, user_id, title, update_time, touched, seq)
VALUES (:persona_id, :user_id, :title, CURRENT_TIMESTAMP, :seq, :seq);

-- name: touch_conversation(seq, id)!
UPDATE conversations SET update_time = CURRENT_TIMESTAMP, touched = :seq, seq = :seq WHERE id = :id;

-- name: rename_conversation(title, seq, id)!
UPDATE conversations SET title = :title, seq = :seq WHERE id = :id;

-- name: delete_conversation(id)!
DELETE FROM conversations WHERE id = :id;

-- name: import_conversation(persona_id, user_id, title, create_time, update_time, seq)<!
INSERT INTO conversations (persona_id, user_id, title, create_time, update_time, touched, seq)
VALUES (:persona_id, :user_id, :title, :create_time, :update_time, :seq, :seq);
