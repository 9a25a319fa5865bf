-- Several users: passwords, tokens and SSH keys with names, personas that are shared.

ALTER TABLE users ADD COLUMN password_hash TEXT NOT NULL DEFAULT ''; -- argon2id; '' = nobody logs in with a password
ALTER TABLE users ADD COLUMN disabled INTEGER NOT NULL DEFAULT 0;

CREATE TABLE tokens (
    id INTEGER PRIMARY KEY AUTOINCREMENT, -- never given out twice: it names the token in what is open
    user_id INTEGER NOT NULL REFERENCES users(id),
    name TEXT NOT NULL, -- what its user calls it, or which client logged in
    kind TEXT NOT NULL, -- file: the owner's token file | login: a client's | api: made by hand
    hash TEXT NOT NULL UNIQUE, -- SHA-256, hex; a token is 256 random bits, so no salt is needed
    create_time DATETIME DEFAULT CURRENT_TIMESTAMP,
    last_used DATETIME
);
INSERT INTO tokens (user_id, name, kind, hash)
SELECT id, 'owner.token', 'file', token_hash FROM users WHERE token_hash <> '';
ALTER TABLE users DROP COLUMN token_hash;

CREATE TABLE ssh_keys (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id INTEGER NOT NULL REFERENCES users(id),
    name TEXT NOT NULL, -- the comment of its line
    type TEXT NOT NULL,
    key TEXT NOT NULL UNIQUE, -- base64, as in authorized_keys
    fingerprint TEXT NOT NULL, -- SHA256:…, as ssh-keygen shows it
    create_time DATETIME DEFAULT CURRENT_TIMESTAMP,
    last_used DATETIME
);

ALTER TABLE personas ADD COLUMN shared INTEGER NOT NULL DEFAULT 0; -- 1: every user may chat with it
ALTER TABLE personas ADD COLUMN deleted INTEGER NOT NULL DEFAULT 0; -- 1: kept for others' conversations only

CREATE INDEX tokens_of_user ON tokens (user_id, id);
CREATE INDEX ssh_keys_of_user ON ssh_keys (user_id, id);
CREATE INDEX personas_shared ON personas (seq) WHERE shared = 1;
