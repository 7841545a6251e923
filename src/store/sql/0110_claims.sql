-- Claims that are bound and counted, what a registration does to a thing that
-- has a certificate, limits of people, and signed checkpoints of the ledger.

ALTER TABLE claims ADD COLUMN principal TEXT NOT NULL DEFAULT ''; -- "user/NAME", "role/NAME": whom it counts for
ALTER TABLE claims ADD COLUMN first_source TEXT NOT NULL DEFAULT ''; -- where it was used first
ALTER TABLE claims ADD COLUMN first_client TEXT NOT NULL DEFAULT '';
ALTER TABLE claims ADD COLUMN alarms INTEGER NOT NULL DEFAULT 0; -- bits of those that were raised
CREATE INDEX claims_principal ON claims (principal, created_ms);

CREATE TABLE template_settings (
    template INTEGER NOT NULL PRIMARY KEY REFERENCES templates (seq) ON DELETE CASCADE,
    on_active TEXT NOT NULL,
    rotation INTEGER NOT NULL,
    grace_s INTEGER NOT NULL,
    modified_ms INTEGER NOT NULL
) STRICT;

-- A certificate that ends once its successor has connected, or grace_s later.
CREATE TABLE retirements (
    certificate INTEGER NOT NULL REFERENCES certificates (seq) ON DELETE CASCADE,
    successor INTEGER NOT NULL REFERENCES certificates (seq) ON DELETE CASCADE,
    grace_s INTEGER NOT NULL,
    due_ms INTEGER NOT NULL, -- 0: the successor has not connected yet
    rotated INTEGER NOT NULL, -- the device asked for its successor itself
    PRIMARY KEY (certificate, successor)
) STRICT, WITHOUT ROWID;
CREATE INDEX retirements_successor ON retirements (successor);
CREATE INDEX retirements_due ON retirements (due_ms) WHERE due_ms > 0;

-- owner_kind is 'user', 'group' or 'role'. 0 is no limit; approval_above below 0: never.
CREATE TABLE claim_limits (
    owner_kind TEXT NOT NULL,
    owner TEXT NOT NULL,
    per_hour INTEGER NOT NULL,
    per_day INTEGER NOT NULL,
    approval_above INTEGER NOT NULL,
    templates TEXT NOT NULL, -- names with spaces between; empty: any
    windows TEXT NOT NULL,   -- with ';' between; empty: always
    modified_ms INTEGER NOT NULL,
    PRIMARY KEY (owner_kind, owner)
) STRICT;

CREATE TABLE claim_requests (
    id TEXT NOT NULL PRIMARY KEY,
    principal TEXT NOT NULL,
    person TEXT NOT NULL, -- 'user/NAME' who asks, in a role or not
    template_name TEXT NOT NULL,
    digest TEXT NOT NULL, -- of who asks for what
    asked TEXT NOT NULL,  -- JSON: the bindings
    state TEXT NOT NULL,  -- 'PENDING' 'APPROVED' 'DENIED' 'USED'
    created_ms INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL,
    decided_by TEXT NOT NULL,
    decided_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX claim_requests_digest ON claim_requests (digest, state);
CREATE INDEX claim_requests_created ON claim_requests (created_ms, id);
CREATE INDEX claim_requests_expires ON claim_requests (expires_ms);

CREATE TABLE ledger_checkpoints (
    sequence INTEGER NOT NULL PRIMARY KEY,
    time_ms INTEGER NOT NULL,
    hash BLOB NOT NULL,
    signature BLOB NOT NULL,
    public_key BLOB NOT NULL
) STRICT;
