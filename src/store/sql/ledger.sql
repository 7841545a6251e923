-- :ledger_head
SELECT seq, hash FROM ledger ORDER BY seq DESC LIMIT 1;

-- :ledger_insert
INSERT INTO ledger (seq, time_ms, event, actor, source_ip, client_id, claim_id, template_name, template_version,
    certificate_id, thing_name, outcome, detail, prev_hash, hash)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15);

-- :ledger_list
SELECT seq, time_ms, event, actor, source_ip, client_id, claim_id, template_name, template_version,
    certificate_id, thing_name, outcome, detail, prev_hash, hash
FROM ledger WHERE seq > $1 ORDER BY seq LIMIT $2;

-- :ledger_find
SELECT seq, time_ms, event, actor, source_ip, client_id, claim_id, template_name, template_version,
    certificate_id, thing_name, outcome, detail, prev_hash, hash
FROM ledger WHERE seq > $1 AND seq < $2 AND ($3 = '' OR event = $3) AND ($4 = '' OR outcome = $4)
    AND ($5 = '' OR actor = $6 OR $5 IN (actor, source_ip, client_id, claim_id, template_name, certificate_id, thing_name))
ORDER BY seq LIMIT $7;

-- :ledger_find_desc
SELECT seq, time_ms, event, actor, source_ip, client_id, claim_id, template_name, template_version,
    certificate_id, thing_name, outcome, detail, prev_hash, hash
FROM ledger WHERE seq > $1 AND seq < $2 AND ($3 = '' OR event = $3) AND ($4 = '' OR outcome = $4)
    AND ($5 = '' OR actor = $6 OR $5 IN (actor, source_ip, client_id, claim_id, template_name, certificate_id, thing_name))
ORDER BY seq DESC LIMIT $7;

-- :schema_version
SELECT coalesce(max(version), 0) FROM schema_versions;

-- :schema_applied
INSERT INTO schema_versions (version, name, applied_ms) VALUES ($1, $2, $3);
