-- :settings_get
SELECT coalesce(s.on_active, ''), coalesce(s.rotation, 0), coalesce(s.grace_s, 0), coalesce(s.modified_ms, 0)
FROM templates t LEFT JOIN template_settings s ON s.template = t.seq WHERE t.name = $1;

-- :settings_put
INSERT INTO template_settings (template, on_active, rotation, grace_s, modified_ms)
SELECT seq, $2, $3, $4, $5 FROM templates WHERE name = $1
ON CONFLICT (template) DO UPDATE SET on_active = excluded.on_active, rotation = excluded.rotation,
    grace_s = excluded.grace_s, modified_ms = excluded.modified_ms;

-- :thing_holders
SELECT c.id FROM things t
JOIN thing_principals a ON a.thing = t.seq
JOIN certificates c ON c.seq = a.certificate
WHERE t.name = $1 AND c.status = 'ACTIVE' AND c.id <> $2 AND c.id > $3 ORDER BY c.id LIMIT $4;

-- :retirement_insert
INSERT INTO retirements (certificate, successor, grace_s, due_ms, rotated)
SELECT o.seq, n.seq, $3, 0, $4 FROM certificates o, certificates n WHERE o.id = $1 AND n.id = $2
ON CONFLICT (certificate, successor) DO NOTHING;

-- :retirements_of_successor
SELECT o.id, n.id, r.grace_s, r.due_ms, r.rotated FROM certificates n
JOIN retirements r ON r.successor = n.seq
JOIN certificates o ON o.seq = r.certificate
WHERE n.id = $1 AND r.due_ms = 0 ORDER BY o.id LIMIT $2;

-- :retirements_of_certificate
SELECT o.id, n.id, r.grace_s, r.due_ms, r.rotated FROM certificates o
JOIN retirements r ON r.certificate = o.seq
JOIN certificates n ON n.seq = r.successor
WHERE o.id = $1 AND r.rotated = 1 ORDER BY n.id LIMIT $2;

-- :retirements_due
SELECT o.id, n.id, r.grace_s, r.due_ms, r.rotated FROM retirements r
JOIN certificates o ON o.seq = r.certificate
JOIN certificates n ON n.seq = r.successor
WHERE r.due_ms > 0 AND r.due_ms <= $1 ORDER BY r.due_ms LIMIT $2;

-- :retirements_inherit
INSERT INTO retirements (certificate, successor, grace_s, due_ms, rotated)
SELECT n.seq, r.successor, r.grace_s, r.due_ms, r.rotated FROM certificates o
JOIN retirements r ON r.certificate = o.seq, certificates n
WHERE o.id = $1 AND n.id = $2 AND r.rotated = 0
ON CONFLICT (certificate, successor) DO NOTHING;

-- :retirement_delete
DELETE FROM retirements
WHERE certificate = (SELECT seq FROM certificates WHERE id = $1) AND successor = (SELECT seq FROM certificates WHERE id = $2);

-- :retirement_due
UPDATE retirements SET due_ms = $3
WHERE certificate = (SELECT seq FROM certificates WHERE id = $1) AND successor = (SELECT seq FROM certificates WHERE id = $2)
    AND due_ms = 0;

-- :rotate_things
INSERT INTO thing_principals (certificate, thing, exclusive)
SELECT n.seq, a.thing, a.exclusive FROM certificates o
JOIN thing_principals a ON a.certificate = o.seq, certificates n
WHERE o.id = $1 AND n.id = $2
ON CONFLICT (certificate, thing) DO NOTHING;

-- :rotate_policies
INSERT INTO policy_attachments (certificate, policy)
SELECT n.seq, a.policy FROM certificates o
JOIN policy_attachments a ON a.certificate = o.seq, certificates n
WHERE o.id = $1 AND n.id = $2
ON CONFLICT (certificate, policy) DO NOTHING;

-- :claim_alarm
UPDATE claims SET alarms = alarms | $2 WHERE id = $1 AND (alarms & $2) = 0;

-- :limits_get
SELECT owner_kind, owner, per_hour, per_day, approval_above, templates, windows, modified_ms
FROM claim_limits WHERE owner_kind = $1 AND owner = $2;

-- :limits_list
SELECT owner_kind, owner, per_hour, per_day, approval_above, templates, windows, modified_ms
FROM claim_limits WHERE (owner_kind, owner) > ($1, $2) ORDER BY owner_kind, owner LIMIT $3;

-- :limits_of
SELECT owner_kind, owner, per_hour, per_day, approval_above, templates, windows, modified_ms
FROM claim_limits WHERE owner_kind = $1 AND owner = $2
UNION ALL
SELECT l.owner_kind, l.owner, l.per_hour, l.per_day, l.approval_above, l.templates, l.windows, l.modified_ms
FROM iam_group_members m JOIN claim_limits l ON l.owner_kind = 'group' AND l.owner = m.group_name
WHERE $1 = 'user' AND m.user_name = $2;

-- :limits_put
INSERT INTO claim_limits (owner_kind, owner, per_hour, per_day, approval_above, templates, windows, modified_ms)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (owner_kind, owner) DO UPDATE SET per_hour = excluded.per_hour, per_day = excluded.per_day,
    approval_above = excluded.approval_above, templates = excluded.templates, windows = excluded.windows,
    modified_ms = excluded.modified_ms;

-- :limits_delete
DELETE FROM claim_limits WHERE owner_kind = $1 AND owner = $2;

-- :claims_of_principal
SELECT CAST(COALESCE(SUM(uses_max), 0) AS BIGINT) FROM claims WHERE principal = $1 AND created_ms > $2;

-- :claims_of_group
SELECT CAST(COALESCE(SUM(uses_max), 0) AS BIGINT) FROM claims
WHERE created_ms > $2 AND principal IN (SELECT 'user/' || user_name FROM iam_group_members WHERE group_name = $1);

-- :request_get
SELECT id, principal, template_name, digest, asked, state, decided_by, created_ms, expires_ms, decided_ms, person
FROM claim_requests WHERE id = $1;

-- :request_pending
SELECT id, principal, template_name, digest, asked, state, decided_by, created_ms, expires_ms, decided_ms, person
FROM claim_requests WHERE digest = $1 AND state = 'PENDING' AND expires_ms > $2 LIMIT 1;

-- :request_list
SELECT id, principal, template_name, digest, asked, state, decided_by, created_ms, expires_ms, decided_ms, person
FROM claim_requests WHERE (created_ms, id) > ($1, $2) ORDER BY created_ms, id LIMIT $3;

-- :request_list_desc
SELECT id, principal, template_name, digest, asked, state, decided_by, created_ms, expires_ms, decided_ms, person
FROM claim_requests WHERE (created_ms, id) < ($1, $2) ORDER BY created_ms DESC, id DESC LIMIT $3;

-- :request_created
SELECT created_ms FROM claim_requests WHERE id = $1;

-- :request_insert
INSERT INTO claim_requests (id, principal, template_name, digest, asked, state, decided_by, created_ms, expires_ms, decided_ms, person)
VALUES ($1, $2, $3, $4, $5, 'PENDING', '', $6, $7, 0, $8);

-- :request_use
UPDATE claim_requests SET state = 'USED' WHERE id = (
    SELECT id FROM claim_requests WHERE digest = $1 AND state = 'APPROVED' AND expires_ms > $2 ORDER BY created_ms, id LIMIT 1);

-- :request_decide
UPDATE claim_requests SET state = $2, decided_by = $3, decided_ms = $4, expires_ms = $5
WHERE id = $1 AND state = 'PENDING' AND expires_ms > $4;

-- :requests_sweep
DELETE FROM claim_requests WHERE expires_ms <= $1;

-- :orphans
SELECT kind, id, status, claim_id, created_ms FROM (
    SELECT CASE WHEN c.status = 'PENDING_ACTIVATION' THEN 'certificate-pending' ELSE 'certificate-without-thing' END AS kind,
        c.id AS id, c.status AS status, c.claim_id AS claim_id, c.created_ms AS created_ms
    FROM certificates c WHERE NOT EXISTS (SELECT 1 FROM thing_principals a WHERE a.certificate = c.seq)
    UNION ALL
    SELECT 'thing-without-certificate', t.name, '', '', t.created_ms
    FROM things t WHERE NOT EXISTS (SELECT 1 FROM thing_principals a WHERE a.thing = t.seq)) AS orphans
WHERE (kind, id) > ($1, $2) ORDER BY kind, id LIMIT $3;

-- :ledger_row
SELECT seq, time_ms, event, actor, source_ip, client_id, claim_id, template_name, template_version,
    certificate_id, thing_name, outcome, detail, prev_hash, hash
FROM ledger WHERE seq = $1;

-- :checkpoint_get
SELECT sequence, time_ms, hash, signature, public_key FROM ledger_checkpoints WHERE sequence = $1;

-- :checkpoint_list
SELECT sequence, time_ms, hash, signature, public_key FROM ledger_checkpoints WHERE sequence > $1 ORDER BY sequence LIMIT $2;

-- :checkpoint_insert
INSERT INTO ledger_checkpoints (sequence, time_ms, hash, signature, public_key) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (sequence) DO NOTHING;

-- :ledger_prune
DELETE FROM ledger WHERE seq <= $1;

-- :checkpoints_prune
DELETE FROM ledger_checkpoints WHERE sequence < $1;
