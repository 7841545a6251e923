-- Sign-ins that came back from an OpenID provider: each may do so once.

-- hash is the SHA-256 of the state that the browser was sent away with.
CREATE TABLE oidc_spent (
    hash BLOB NOT NULL PRIMARY KEY,
    expires_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX oidc_spent_expires ON oidc_spent (expires_ms);
