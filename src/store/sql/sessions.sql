-- :web_session_get
SELECT hash, user_name, how, source_ip, created_ms, used_ms, expires_ms FROM web_sessions WHERE hash = $1;

-- :web_sessions_of_user
SELECT hash, user_name, how, source_ip, created_ms, used_ms, expires_ms
FROM web_sessions WHERE user_name = $1 ORDER BY created_ms DESC, hash LIMIT $2;

-- :web_session_insert
INSERT INTO web_sessions (hash, user_name, how, source_ip, created_ms, used_ms, expires_ms)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (hash) DO NOTHING;

-- :web_sessions_trim
DELETE FROM web_sessions WHERE user_name = $1 AND hash NOT IN (
    SELECT hash FROM web_sessions WHERE user_name = $1 ORDER BY created_ms DESC, hash LIMIT $2);

-- :web_session_used
UPDATE web_sessions SET used_ms = $2 WHERE hash = $1 AND used_ms < $2;

-- :web_session_delete
DELETE FROM web_sessions WHERE hash = $1;

-- :web_sessions_delete
DELETE FROM web_sessions WHERE user_name = $1;

-- :web_sessions_sweep
DELETE FROM web_sessions WHERE expires_ms <= $1;

-- :user_password_is
SELECT 1 FROM users WHERE name = $1 AND password_hash = $2;

-- :totp_get
SELECT state, last_step, sealed_secret FROM user_totp WHERE user_name = $1;

-- :totp_offer
INSERT INTO user_totp (user_name, state, last_step, sealed_secret) VALUES ($1, 'PENDING', 0, $2)
ON CONFLICT (user_name) DO UPDATE SET sealed_secret = excluded.sealed_secret, last_step = 0
WHERE user_totp.state = 'PENDING';

-- :totp_confirm
UPDATE user_totp SET state = 'ACTIVE', last_step = $3
WHERE user_name = $1 AND sealed_secret = $2 AND state = 'PENDING';

-- :totp_take
UPDATE user_totp SET last_step = $2 WHERE user_name = $1 AND state = 'ACTIVE' AND last_step < $2;

-- :totp_is_active
SELECT 1 FROM user_totp WHERE user_name = $1 AND state = 'ACTIVE';

-- :totp_delete
DELETE FROM user_totp WHERE user_name = $1;
