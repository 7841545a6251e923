-- The registry. Written in the words that SQLite and PostgreSQL share; a
-- driver whose database spells INTEGER, BLOB, STRICT or WITHOUT ROWID otherwise
-- translates them. Tables are joined by small numbers that only grow, so that
-- new rows of the joining tables land on the same few pages.

CREATE TABLE meta (
    key TEXT NOT NULL PRIMARY KEY,
    value BLOB NOT NULL
) STRICT;

CREATE TABLE policies (
    seq INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    generation_id TEXT NOT NULL,
    default_version INTEGER NOT NULL,
    last_version INTEGER NOT NULL, -- version numbers are never used again
    created_ms INTEGER NOT NULL,
    modified_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE policy_versions (
    policy INTEGER NOT NULL REFERENCES policies (seq) ON DELETE CASCADE,
    version INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (policy, version)
) STRICT;

CREATE TABLE templates (
    seq INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    type TEXT NOT NULL,
    enabled INTEGER NOT NULL,
    default_version INTEGER NOT NULL,
    last_version INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    modified_ms INTEGER NOT NULL,
    description TEXT NOT NULL,
    role_arn TEXT NOT NULL,
    hook_target TEXT NOT NULL,
    hook_payload_version TEXT NOT NULL
) STRICT;

CREATE TABLE template_versions (
    template INTEGER NOT NULL REFERENCES templates (seq) ON DELETE CASCADE,
    version INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (template, version)
) STRICT;

-- Small columns first: a read of the state never touches the PEM's pages.
CREATE TABLE certificates (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    status TEXT NOT NULL,
    not_before_ms INTEGER NOT NULL,
    not_after_ms INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    modified_ms INTEGER NOT NULL,
    customer_version INTEGER NOT NULL,
    mode TEXT NOT NULL,
    ca_id TEXT NOT NULL,
    claim_id TEXT NOT NULL,
    pem TEXT NOT NULL
) STRICT;
CREATE INDEX certificates_created ON certificates (created_ms, id);

CREATE TABLE things (
    seq INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    id TEXT NOT NULL,
    type_name TEXT NOT NULL,
    billing_group TEXT NOT NULL,
    version INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    modified_ms INTEGER NOT NULL,
    attributes TEXT NOT NULL
) STRICT;

CREATE TABLE policy_attachments (
    certificate INTEGER NOT NULL REFERENCES certificates (seq) ON DELETE CASCADE,
    policy INTEGER NOT NULL REFERENCES policies (seq),
    PRIMARY KEY (certificate, policy)
) STRICT, WITHOUT ROWID;
CREATE INDEX policy_attachments_policy ON policy_attachments (policy, certificate);

CREATE TABLE thing_principals (
    certificate INTEGER NOT NULL REFERENCES certificates (seq) ON DELETE CASCADE,
    thing INTEGER NOT NULL REFERENCES things (seq),
    exclusive INTEGER NOT NULL,
    PRIMARY KEY (certificate, thing)
) STRICT, WITHOUT ROWID;
CREATE INDEX thing_principals_thing ON thing_principals (thing, certificate);

-- A claim outlives its template as a record; it names it by its name.
CREATE TABLE claims (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    template_name TEXT NOT NULL,
    state TEXT NOT NULL,
    not_before_ms INTEGER NOT NULL,
    not_after_ms INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    uses_max INTEGER NOT NULL,
    uses_done INTEGER NOT NULL,
    certificates_made INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    bindings TEXT NOT NULL
) STRICT;
CREATE INDEX claims_created ON claims (created_ms, id);
CREATE INDEX claims_live ON claims (template_name, not_after_ms) WHERE state = 'LIVE';

CREATE TABLE tokens (
    hash BLOB NOT NULL PRIMARY KEY,
    certificate_id TEXT NOT NULL,
    principal_id TEXT NOT NULL,
    expires_ms INTEGER NOT NULL,
    spent INTEGER NOT NULL,
    request_hash BLOB NOT NULL,
    answer TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX tokens_expires ON tokens (expires_ms);

CREATE TABLE users (
    name TEXT NOT NULL PRIMARY KEY,
    password_hash TEXT NOT NULL,
    created_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE access_keys (
    id TEXT NOT NULL PRIMARY KEY,
    user_name TEXT NOT NULL REFERENCES users (name) ON DELETE CASCADE,
    status TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    last_used_ms INTEGER NOT NULL,
    sealed_secret BLOB NOT NULL
) STRICT;
CREATE INDEX access_keys_user ON access_keys (user_name, created_ms, id);

CREATE TABLE user_policies (
    user_name TEXT NOT NULL REFERENCES users (name) ON DELETE CASCADE,
    name TEXT NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (user_name, name)
) STRICT;

CREATE TABLE ledger (
    seq INTEGER PRIMARY KEY,
    time_ms INTEGER NOT NULL,
    event TEXT NOT NULL,
    actor TEXT NOT NULL,
    source_ip TEXT NOT NULL,
    client_id TEXT NOT NULL,
    claim_id TEXT NOT NULL,
    template_name TEXT NOT NULL,
    template_version INTEGER NOT NULL,
    certificate_id TEXT NOT NULL,
    thing_name TEXT NOT NULL,
    outcome TEXT NOT NULL,
    detail TEXT NOT NULL,
    prev_hash BLOB NOT NULL,
    hash BLOB NOT NULL
) STRICT;
