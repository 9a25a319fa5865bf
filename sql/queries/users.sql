-- name: owner()^
SELECT id, name, role FROM users WHERE role = 'owner' AND disabled = 0 ORDER BY id LIMIT 1;

-- name: add_user(name, role, password_hash)<!
INSERT INTO users (name, role, password_hash) VALUES (:name, :role, :password_hash);

-- name: user_named(name)^
SELECT id, name, role, disabled, password_hash FROM users WHERE name = :name;

-- name: user(id)^
SELECT id, name, role, disabled, password_hash FROM users WHERE id = :id;

-- name: all_users()
SELECT id, name, role, disabled, password_hash <> '', create_time FROM users ORDER BY id;

-- name: other_users(user_id)
SELECT id FROM users WHERE id <> :user_id ORDER BY id;

-- name: set_password(password_hash, id)!
UPDATE users SET password_hash = :password_hash WHERE id = :id;

-- name: set_disabled(disabled, id)!
UPDATE users SET disabled = :disabled WHERE id = :id;

-- name: add_token(user_id, name, kind, hash)<!
INSERT INTO tokens (user_id, name, kind, hash) VALUES (:user_id, :name, :kind, :hash);

-- name: user_by_token(hash)^
SELECT users.id, users.name, users.role, tokens.id
FROM tokens JOIN users ON users.id = tokens.user_id WHERE tokens.hash = :hash AND users.disabled = 0;

-- name: tokens_of(user_id)
SELECT id, name, kind, create_time, last_used FROM tokens WHERE user_id = :user_id ORDER BY id;

-- name: token_used(id)!
UPDATE tokens SET last_used = CURRENT_TIMESTAMP WHERE id = :id;

-- name: delete_token(id)!
DELETE FROM tokens WHERE id = :id;

-- name: delete_tokens_of_kind(user_id, kind)!
DELETE FROM tokens WHERE user_id = :user_id AND kind = :kind;

-- name: add_key(user_id, name, type, key, fingerprint)<!
INSERT INTO ssh_keys (user_id, name, type, key, fingerprint) VALUES (:user_id, :name, :type, :key, :fingerprint);

-- name: keys_of(user_id)
SELECT id, name, type, fingerprint, create_time, last_used FROM ssh_keys WHERE user_id = :user_id ORDER BY id;

-- name: user_by_key(key)^
SELECT users.id, users.name, users.role, ssh_keys.id
FROM ssh_keys JOIN users ON users.id = ssh_keys.user_id WHERE ssh_keys.key = :key AND users.disabled = 0;

-- name: key_used(id)!
UPDATE ssh_keys SET last_used = CURRENT_TIMESTAMP WHERE id = :id;

-- name: delete_key(id)!
DELETE FROM ssh_keys WHERE id = :id;
