-- name: position()^
SELECT epoch, seq FROM store;

-- name: make_store(epoch)!
INSERT INTO store (one, epoch, seq) VALUES (1, :epoch, 0);

-- name: set_epoch(epoch)!
-- Of a copy: from now on it is another store.
UPDATE store SET epoch = :epoch;

-- name: bury(seq, user_id, kind, ref, conversation_id)!
INSERT INTO tombstones (seq, user_id, kind, ref, conversation_id, time)
VALUES (:seq, :user_id, :kind, :ref, :conversation_id, CURRENT_TIMESTAMP);

-- name: tombstones_since(user_id, seq)
SELECT seq, kind, ref, conversation_id FROM tombstones WHERE user_id = :user_id AND seq > :seq ORDER BY seq;

-- name: first_reply(user_id, request_id)^
SELECT digest, reply FROM requests WHERE user_id = :user_id AND request_id = :request_id;

-- name: keep_reply(user_id, request_id, digest, reply)!
INSERT INTO requests (user_id, request_id, digest, reply) VALUES (:user_id, :request_id, :digest, :reply);

-- name: user_after(id)$
SELECT MIN(id) FROM users WHERE id > :id;

-- name: users_after(id, limit)
SELECT id FROM users WHERE id > :id ORDER BY id LIMIT :limit;

-- name: forget_old_replies(user_id, age, limit)!
DELETE FROM requests WHERE user_id = :user_id AND request_id IN (
    SELECT request_id FROM requests WHERE user_id = :user_id AND create_time < datetime('now', :age)
    ORDER BY create_time LIMIT :limit);

-- name: forget_surplus_replies(user_id, most, limit)!
DELETE FROM requests WHERE user_id = :user_id AND request_id IN (
    SELECT request_id FROM requests WHERE user_id = :user_id
    ORDER BY create_time DESC LIMIT :limit OFFSET :most);

-- name: forget_old_tombstones(user_id, age, limit)
DELETE FROM tombstones WHERE seq IN (
    SELECT seq FROM tombstones WHERE user_id = :user_id AND time < datetime('now', :age)
    ORDER BY time LIMIT :limit) RETURNING seq;

-- name: forget_surplus_tombstones(user_id, most, limit)
DELETE FROM tombstones WHERE seq IN (
    SELECT seq FROM tombstones WHERE user_id = :user_id
    ORDER BY seq DESC LIMIT :limit OFFSET :most) RETURNING seq;

-- name: pruned(user_id)$
SELECT seq FROM pruned WHERE user_id = :user_id;

-- name: keep_pruned(user_id, seq)!
INSERT INTO pruned (user_id, seq) VALUES (:user_id, :seq)
ON CONFLICT (user_id) DO UPDATE SET seq = MAX(seq, :seq);

-- name: take_import(digest)!
-- One row if this content is new here, none if it was taken in before.
INSERT OR IGNORE INTO imports (digest) VALUES (:digest);
