-- Authorities of others, registered so that the certificates they sign may be.
-- `subject` is the SHA-256 of the DER name, in hexadecimal digits.

CREATE TABLE authorities (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    subject TEXT NOT NULL,
    status TEXT NOT NULL,
    mode TEXT NOT NULL,
    auto_registration INTEGER NOT NULL,
    not_before_ms INTEGER NOT NULL,
    not_after_ms INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    modified_ms INTEGER NOT NULL,
    customer_version INTEGER NOT NULL,
    template_name TEXT NOT NULL, -- of just-in-time provisioning: a stored template,
    template_body TEXT NOT NULL, -- or one of the authority's own; both empty: none
    role_arn TEXT NOT NULL,
    pem TEXT NOT NULL
) STRICT;
CREATE INDEX authorities_created ON authorities (created_ms, id);
CREATE INDEX authorities_subject ON authorities (subject, id);

CREATE INDEX certificates_ca ON certificates (ca_id, created_ms, id) WHERE ca_id <> '';
