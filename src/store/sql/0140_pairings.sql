-- Devices that wait for somebody to vouch for them, and how far they came.

CREATE TABLE pairings (
    id TEXT NOT NULL PRIMARY KEY,
    device_hash BLOB NOT NULL UNIQUE, -- SHA-256 of the secret that the device polls with
    user_code TEXT NOT NULL UNIQUE,
    key_digest TEXT NOT NULL, -- hexadecimal SHA-256 of the device's public key
    spki BLOB NOT NULL,
    serial TEXT NOT NULL,
    model TEXT NOT NULL,
    suggested TEXT NOT NULL, -- a JSON object of strings
    source_ip TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL,
    step INTEGER NOT NULL,  -- 1 shown, 2 looked at, 3 approved, 4 claim taken, 5 connected, 6 certified, 7 registered, 8 done
    ended TEXT NOT NULL,    -- '' 'DENIED' 'EXPIRED' 'FAILED'
    reason TEXT NOT NULL,   -- of the last refusal of a step, or of the end
    message TEXT NOT NULL,
    looked_by TEXT NOT NULL,
    looked_ms INTEGER NOT NULL, -- 0: not yet, as below
    decided_by TEXT NOT NULL,
    decided_ms INTEGER NOT NULL,
    taken_ms INTEGER NOT NULL,
    connected_ms INTEGER NOT NULL,
    certified_ms INTEGER NOT NULL,
    registered_ms INTEGER NOT NULL,
    done_ms INTEGER NOT NULL,
    template_name TEXT NOT NULL,
    parameters TEXT NOT NULL, -- a JSON object of strings: those that the claim fixes
    thing_name TEXT NOT NULL,
    claim_id TEXT NOT NULL,
    claim_pem TEXT NOT NULL,
    claim_expires_ms INTEGER NOT NULL,
    certificate_id TEXT NOT NULL
) STRICT;
CREATE INDEX pairings_created ON pairings (created_ms, id);
CREATE INDEX pairings_waiting ON pairings (expires_ms) WHERE step <= 2 AND ended = '';
CREATE INDEX pairings_under_way ON pairings (claim_expires_ms) WHERE step BETWEEN 3 AND 6 AND ended = '';
CREATE INDEX pairings_awaited ON pairings (certificate_id) WHERE step = 7;
CREATE INDEX pairings_lapsed ON pairings (expires_ms) WHERE ended = 'EXPIRED';
