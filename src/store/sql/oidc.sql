-- :oidc_spent_insert
INSERT INTO oidc_spent (hash, expires_ms) VALUES ($1, $2) ON CONFLICT (hash) DO NOTHING;

-- :oidc_spent_sweep
DELETE FROM oidc_spent WHERE expires_ms <= $1;
