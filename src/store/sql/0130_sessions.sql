-- Sessions of people in browsers, and the second factor of users.

-- hash is the SHA-256 of the cookie: what is stored here opens nothing.
CREATE TABLE web_sessions (
    hash BLOB NOT NULL PRIMARY KEY,
    user_name TEXT NOT NULL REFERENCES users (name) ON DELETE CASCADE,
    how TEXT NOT NULL, -- 'password' 'totp' 'oidc'
    source_ip TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    used_ms INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX web_sessions_user ON web_sessions (user_name, created_ms, hash);
CREATE INDEX web_sessions_expires ON web_sessions (expires_ms);

CREATE TABLE user_totp (
    user_name TEXT NOT NULL PRIMARY KEY REFERENCES users (name) ON DELETE CASCADE,
    state TEXT NOT NULL, -- 'PENDING' until a code was shown, then 'ACTIVE'
    last_step INTEGER NOT NULL, -- of the last code that was taken
    sealed_secret BLOB NOT NULL
) STRICT;
