-- :user_get
SELECT name, password_hash, created_ms FROM users WHERE name = $1;

-- :user_list
SELECT name, password_hash, created_ms FROM users WHERE name > $1 ORDER BY name LIMIT $2;

-- :user_list_desc
SELECT name, password_hash, created_ms FROM users WHERE name < $1 ORDER BY name DESC LIMIT $2;

-- :user_insert
INSERT INTO users (name, password_hash, created_ms) VALUES ($1, $2, $3) ON CONFLICT (name) DO NOTHING;

-- :user_delete
DELETE FROM users WHERE name = $1;

-- :user_password
UPDATE users SET password_hash = $2 WHERE name = $1;

-- :user_exists
SELECT 1 FROM users WHERE name = $1;

-- :user_policies
SELECT name, document FROM user_policies WHERE user_name = $1 ORDER BY name LIMIT $2;

-- :user_policy_put
INSERT INTO user_policies (user_name, name, document) VALUES ($1, $2, $3)
ON CONFLICT (user_name, name) DO UPDATE SET document = excluded.document;

-- :user_policy_delete
DELETE FROM user_policies WHERE user_name = $1 AND name = $2;

-- :access_key_get
SELECT id, user_name, sealed_secret, status, created_ms, last_used_ms FROM access_keys WHERE id = $1;

-- :access_keys_of_user
SELECT id, user_name, sealed_secret, status, created_ms, last_used_ms
FROM access_keys WHERE user_name = $1 ORDER BY created_ms, id LIMIT $2;

-- :access_key_count
SELECT count(*) FROM access_keys WHERE user_name = $1;

-- :access_key_insert
INSERT INTO access_keys (id, user_name, sealed_secret, status, created_ms, last_used_ms)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (id) DO NOTHING;

-- :access_key_status
UPDATE access_keys SET status = $2 WHERE id = $1 RETURNING user_name;

-- :access_key_delete
DELETE FROM access_keys WHERE id = $1 RETURNING user_name;

-- :meta_get
SELECT value FROM meta WHERE key = $1;

-- :meta_put
INSERT INTO meta (key, value) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = excluded.value;
