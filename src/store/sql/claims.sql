-- :claim_get
SELECT id, template_name, created_by, state, bindings, not_before_ms, not_after_ms, created_ms, uses_max, uses_done,
    certificates_made, principal, first_source, first_client, alarms
FROM claims WHERE id = $1;

-- :claim_list
SELECT id, template_name, created_by, state, bindings, not_before_ms, not_after_ms, created_ms, uses_max, uses_done,
    certificates_made, principal, first_source, first_client, alarms
FROM claims WHERE (created_ms, id) > ($1, $2) ORDER BY created_ms, id LIMIT $3;

-- :claim_list_desc
SELECT id, template_name, created_by, state, bindings, not_before_ms, not_after_ms, created_ms, uses_max, uses_done,
    certificates_made, principal, first_source, first_client, alarms
FROM claims WHERE (created_ms, id) < ($1, $2) ORDER BY created_ms DESC, id DESC LIMIT $3;

-- :claim_created
SELECT created_ms FROM claims WHERE id = $1;

-- :claims_live
SELECT count(*) FROM claims WHERE template_name = $1 AND state = 'LIVE' AND not_after_ms > $2;

-- :claim_state
SELECT state, not_after_ms FROM claims WHERE id = $1;

-- :claim_insert
INSERT INTO claims (id, template_name, created_by, state, bindings, not_before_ms, not_after_ms, created_ms,
    uses_max, uses_done, certificates_made, principal)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
ON CONFLICT (id) DO NOTHING;

-- :claim_count_certificate
UPDATE claims SET certificates_made = certificates_made + 1,
    first_client = CASE WHEN first_source = '' THEN $5 ELSE first_client END,
    first_source = CASE WHEN first_source = '' THEN $4 ELSE first_source END
WHERE id = $1 AND state = 'LIVE' AND not_after_ms > $2 AND certificates_made - uses_done < $3;

-- :claim_use
UPDATE claims SET uses_done = uses_done + 1,
    state = CASE WHEN uses_done + 1 >= uses_max THEN 'SPENT' ELSE state END
WHERE id = $1 AND state = 'LIVE' AND not_after_ms > $2 AND uses_done < uses_max
RETURNING state;

-- :claim_cancel
UPDATE claims SET state = 'CANCELLED' WHERE id = $1 AND state = 'LIVE';

-- :claims_cancel_template
UPDATE claims SET state = 'CANCELLED' WHERE template_name = $1 AND state = 'LIVE' RETURNING id;

-- :claims_sweep
DELETE FROM claims WHERE seq IN (
    SELECT seq FROM claims WHERE created_ms <= $1 AND not_after_ms <= $1 ORDER BY created_ms, id LIMIT $2)
RETURNING id;

-- :token_get
SELECT hash, certificate_id, principal_id, expires_ms, spent, request_hash, answer FROM tokens WHERE hash = $1;

-- :token_insert
INSERT INTO tokens (hash, certificate_id, principal_id, expires_ms, spent, request_hash, answer)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (hash) DO NOTHING;

-- :token_spend
UPDATE tokens SET spent = 1, request_hash = $3, answer = $4 WHERE hash = $1 AND spent = 0 AND expires_ms > $2;

-- :tokens_stale
SELECT hash, certificate_id, spent FROM tokens WHERE expires_ms <= $1 ORDER BY expires_ms LIMIT $2;

-- :token_delete
DELETE FROM tokens WHERE hash = $1;

-- :certificate_sweep
DELETE FROM certificates WHERE id = $1 AND status = 'PENDING_ACTIVATION';
