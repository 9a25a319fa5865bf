-- name: conversations_of(user_id, limit)
SELECT id, persona_id, title, create_time, update_time, touched, seq,
       pinned + 2 * archived + 4 * unread, NULLIF(tags, '[]'), read_id, leaf_id
FROM conversations WHERE user_id = :user_id ORDER BY touched DESC, id DESC LIMIT :limit;

-- name: conversations_with(user_id, persona_id, limit)
SELECT id, persona_id, title, create_time, update_time, touched, seq,
       pinned + 2 * archived + 4 * unread, NULLIF(tags, '[]'), read_id, leaf_id
FROM conversations WHERE user_id = :user_id AND persona_id = :persona_id
ORDER BY touched DESC, id DESC LIMIT :limit;

-- name: conversations_since(user_id, seq)
SELECT id, persona_id, title, create_time, update_time, touched, seq,
       pinned + 2 * archived + 4 * unread, NULLIF(tags, '[]'), read_id, leaf_id
FROM conversations WHERE user_id = :user_id AND seq > :seq ORDER BY seq;

-- name: conversation(id, user_id)^
SELECT id, persona_id, title, create_time, update_time, touched, seq,
       pinned + 2 * archived + 4 * unread, NULLIF(tags, '[]'), read_id, leaf_id
FROM conversations WHERE id = :id AND user_id = :user_id;

-- name: place(id, user_id)^
-- A conversation, whether an answer is being written in it, and its persona as its user sees it, NULL if not at all.
SELECT c.id, c.persona_id, c.title, c.create_time, c.update_time, c.touched, c.seq,
       pinned + 2 * archived + 4 * unread, NULLIF(tags, '[]'), read_id, leaf_id,
       EXISTS (SELECT 1 FROM messages WHERE user_id = :user_id AND conversation_id = :id AND status = 'running'),
       p.id, p.name, prompt, avatar, p.create_time, model, greeting, starters,
       provider, fallback, shared, temperature, p.seq, p.user_id, u.name
FROM conversations AS c
LEFT JOIN personas AS p ON p.id = c.persona_id AND (deleted = 0 OR p.user_id <> :user_id)
LEFT JOIN users AS u ON u.id = p.user_id
WHERE c.id = :id AND c.user_id = :user_id;

-- name: newest_conversation_with(user_id, persona_id)^
SELECT id, persona_id, title, create_time, update_time, touched, seq,
       pinned + 2 * archived + 4 * unread, NULLIF(tags, '[]'), read_id, leaf_id
FROM conversations WHERE user_id = :user_id AND persona_id = :persona_id
ORDER BY touched DESC, id DESC LIMIT 1;

-- name: insert_conversation(persona_id, user_id, title, titled, unread, time, leaf_id, seq)<!
INSERT INTO conversations (persona_id, user_id, title, titled, unread, create_time, update_time, touched, leaf_id, seq)
VALUES (:persona_id, :user_id, :title, :titled, :unread, :time, :time, :seq, :leaf_id, :seq);

-- name: touch_conversation(title, time, leaf_id, seq, id)!
-- Something is said in it, and shown. Whoever speaks in an archived one wants it back.
UPDATE conversations
SET title = :title, update_time = :time, touched = :seq, leaf_id = :leaf_id, seq = :seq, unread = 1, archived = 0
WHERE id = :id;

-- name: show_leaf(leaf_id, seq, id)!
UPDATE conversations SET leaf_id = :leaf_id, seq = :seq WHERE id = :id;

-- name: update_conversation(title, titled, pinned, archived, tags, seq, id)!
UPDATE conversations
SET title = :title, titled = titled OR :titled, pinned = :pinned, archived = :archived, tags = :tags, seq = :seq
WHERE id = :id;

-- name: give_title(title, seq, id, user_id)!
-- Once, where its user gave none.
UPDATE conversations SET title = :title, titled = 2, seq = :seq
WHERE id = :id AND user_id = :user_id AND titled = 0;

-- name: mark_read(read_id, unread, seq, id)!
UPDATE conversations SET read_id = :read_id, unread = :unread, seq = :seq WHERE id = :id;

-- name: give_conversation(user_id, deleted_time, seq, id)!
-- To user -n, and back.
UPDATE conversations SET user_id = :user_id, deleted_time = :deleted_time, seq = :seq WHERE id = :id;

-- name: deleted_conversation(id, user_id, age)^
-- `user_id` is -n.
SELECT persona_id FROM conversations
WHERE id = :id AND user_id = :user_id AND deleted_time >= datetime('now', :age);

-- name: deleted_conversations_with(user_id, persona_id)
SELECT id FROM conversations WHERE user_id = :user_id AND persona_id = :persona_id;

-- name: expired_conversation(user_id, age)$
SELECT id FROM conversations WHERE user_id = :user_id AND deleted_time < datetime('now', :age) LIMIT 1;

-- name: delete_conversation(id)!
DELETE FROM conversations WHERE id = :id;

-- name: import_conversation(persona_id, user_id, title, create_time, update_time, pinned, archived, tags, seq)<!
INSERT INTO conversations (persona_id, user_id, title, create_time, update_time, pinned, archived, tags, touched, seq)
VALUES (:persona_id, :user_id, :title, :create_time, :update_time, :pinned, :archived, :tags, :seq, :seq);
