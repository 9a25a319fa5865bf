-- What a user sees: their own personas, those that are shared, and those they have talked with while they were.

-- name: personas_since(user_id, seq)
SELECT p.id, p.name, prompt, avatar, p.create_time, model, greeting, starters,
       provider, fallback, shared, temperature, seq, p.user_id, u.name
FROM personas AS p LEFT JOIN users AS u ON u.id = p.user_id
WHERE p.user_id = :user_id AND seq > :seq AND deleted = 0
UNION ALL
SELECT p.id, p.name, prompt, avatar, p.create_time, model, greeting, starters,
       provider, fallback, shared, temperature, seq, p.user_id, u.name
FROM personas AS p LEFT JOIN users AS u ON u.id = p.user_id
WHERE shared = 1 AND seq > :seq AND p.user_id <> :user_id
UNION ALL
SELECT p.id, p.name, prompt, avatar, p.create_time, model, greeting, starters,
       provider, fallback, shared, temperature, seq, p.user_id, u.name
FROM personas AS p LEFT JOIN users AS u ON u.id = p.user_id
WHERE p.id IN (SELECT persona_id FROM conversations WHERE user_id = :user_id)
  AND shared = 0 AND seq > :seq AND p.user_id <> :user_id;

-- name: persona(id, user_id)^
SELECT p.id, p.name, prompt, avatar, p.create_time, model, greeting, starters,
       provider, fallback, shared, temperature, seq, p.user_id, u.name
FROM personas AS p LEFT JOIN users AS u ON u.id = p.user_id
WHERE p.id = :id AND (
    (p.user_id = :user_id AND deleted = 0) OR shared = 1
    OR (p.user_id <> :user_id
        AND EXISTS (SELECT 1 FROM conversations AS c WHERE c.user_id = :user_id AND c.persona_id = p.id)));

-- name: card(id)$
SELECT card FROM personas WHERE id = :id;

-- name: persona_exists(id)$
SELECT COUNT(*) FROM personas WHERE id = :id;

-- name: is_talked_with(persona_id)$
-- Whether there are conversations with a persona.
SELECT 1 FROM conversations WHERE persona_id = :persona_id LIMIT 1;

-- name: insert_persona(id, user_id, name, prompt, avatar, model, greeting, starters, provider, fallback, shared, temperature, card, create_time, seq)!
INSERT INTO personas (id, user_id, name, prompt, avatar, model, greeting, starters, provider, fallback,
                      shared, temperature, card, create_time, seq)
VALUES (:id, :user_id, :name, :prompt, :avatar, :model, :greeting, :starters, :provider, :fallback, :shared,
        :temperature, :card, COALESCE(:create_time, CURRENT_TIMESTAMP), :seq);

-- name: update_persona(name, prompt, avatar, model, greeting, starters, provider, fallback, shared, temperature, card, seq, id)!
UPDATE personas
SET name = :name, prompt = :prompt, avatar = :avatar, model = :model, greeting = :greeting, starters = :starters,
    provider = :provider, fallback = :fallback, shared = :shared, temperature = :temperature,
    card = COALESCE(:card, card), seq = :seq
WHERE id = :id;

-- name: show_persona_again(seq, id)!
-- To whoever was told that it is gone.
UPDATE personas SET seq = :seq WHERE id = :id;

-- name: retire_persona(seq, id)!
UPDATE personas SET deleted = 1, shared = 0, prompt = '', greeting = '', card = '', starters = '[]', seq = :seq WHERE id = :id;

-- name: delete_persona(id)!
DELETE FROM personas WHERE id = :id;
