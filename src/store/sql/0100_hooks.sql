-- Pre-provisioning hooks: what stands behind the ARNs that templates name, and
-- the rows of those that are lists of serials.

CREATE TABLE hooks (
    name TEXT NOT NULL PRIMARY KEY,
    target_arn TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,   -- 'https', 'program' or 'allowlist'
    target TEXT NOT NULL, -- a URL, a path, or the parameter that holds the serial
    timeout_ms INTEGER NOT NULL,
    ca_pem TEXT NOT NULL,
    certificate_pem TEXT NOT NULL,
    sealed_key BLOB NOT NULL,
    sealed_secret BLOB NOT NULL,
    created_ms INTEGER NOT NULL,
    modified_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE hook_serials (
    hook TEXT NOT NULL REFERENCES hooks (name) ON DELETE CASCADE,
    serial TEXT NOT NULL,
    overrides TEXT NOT NULL, -- a JSON object of strings
    PRIMARY KEY (hook, serial)
) STRICT, WITHOUT ROWID;
