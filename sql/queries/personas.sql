-- name: personas_of(user_id)
SELECT id, name, prompt, avatar, create_time, model, greeting, starters, seq
FROM personas WHERE user_id = :user_id ORDER BY create_time, id;

-- name: personas_since(user_id, seq)
SELECT id, name, prompt, avatar, create_time, model, greeting, starters, seq
FROM personas WHERE user_id = :user_id AND seq > :seq ORDER BY seq;

-- name: persona(id, user_id)^
SELECT id, name, prompt, avatar, create_time, model, greeting, starters, seq
FROM personas WHERE id = :id AND user_id = :user_id;

-- name: persona_exists(id)$
SELECT COUNT(*) FROM personas WHERE id = :id;

-- name: insert_persona(id, user_id, name, prompt, avatar, model, greeting, starters, create_time, seq)!
INSERT INTO personas (id, user_id, name, prompt, avatar, model, greeting, starters, create_time, seq)
VALUES (:id, :user_id, :name, :prompt, :avatar, :model, :greeting, :starters,
        COALESCE(:create_time, CURRENT_TIMESTAMP), :seq);

-- name: update_persona(name, prompt, avatar, model, greeting, starters, seq, id)!
UPDATE personas
SET name = :name, prompt = :prompt, avatar = :avatar, model = :model, greeting = :greeting, starters = :starters,
    seq = :seq
WHERE id = :id;

-- name: delete_persona(id)!
DELETE FROM personas WHERE id = :id;
