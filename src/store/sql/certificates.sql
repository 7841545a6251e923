-- :certificate_get
SELECT id, pem, status, mode, ca_id, claim_id, not_before_ms, not_after_ms, created_ms, modified_ms, customer_version
FROM certificates WHERE id = $1;

-- :certificate_list
SELECT id, '', status, mode, ca_id, claim_id, not_before_ms, not_after_ms, created_ms, modified_ms, customer_version
FROM certificates WHERE (created_ms, id) > ($1, $2) ORDER BY created_ms, id LIMIT $3;

-- :certificate_list_desc
SELECT id, '', status, mode, ca_id, claim_id, not_before_ms, not_after_ms, created_ms, modified_ms, customer_version
FROM certificates WHERE (created_ms, id) < ($1, $2) ORDER BY created_ms DESC, id DESC LIMIT $3;

-- :certificate_expiring
SELECT count(*) FROM certificates WHERE status = 'ACTIVE' AND not_after_ms >= $1 AND not_after_ms < $2;

-- :certificate_exists
SELECT status FROM certificates WHERE id = $1;

-- :certificate_created
SELECT created_ms FROM certificates WHERE id = $1;

-- :certificate_insert
INSERT INTO certificates (id, status, not_before_ms, not_after_ms, created_ms, modified_ms, customer_version,
    mode, ca_id, claim_id, pem)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
ON CONFLICT (id) DO NOTHING;

-- :certificate_status_set
UPDATE certificates SET status = $3, modified_ms = $4, customer_version = customer_version + 1
WHERE id = $1 AND status = $2 AND status <> $3;

-- :certificate_status_force
UPDATE certificates SET status = $2, modified_ms = $3, customer_version = customer_version + 1
WHERE id = $1 AND status <> $2;

-- :certificate_delete
DELETE FROM certificates WHERE id = $1;

-- :identity
SELECT 1, status, not_before_ms, not_after_ms, '',
    CASE WHEN EXISTS (SELECT 1 FROM retirements r WHERE r.successor = c.seq AND r.due_ms = 0)
        OR EXISTS (SELECT 1 FROM pairings g WHERE g.certificate_id = c.id AND g.step = 7) THEN 1 ELSE 0 END, mode
FROM certificates c WHERE id = $1
UNION ALL
SELECT 2, state, not_before_ms, not_after_ms, template_name, 0, '' FROM claims WHERE id = $1;

-- :authz
SELECT 0, p.name, v.document, p.generation_id, '', '', v.version, p.default_version, p.created_ms, p.modified_ms
FROM certificates c
JOIN policy_attachments a ON a.certificate = c.seq
JOIN policies p ON p.seq = a.policy
JOIN policy_versions v ON v.policy = p.seq AND v.version = p.default_version
WHERE c.id = $1
UNION ALL
SELECT * FROM (
    SELECT 1, t.name, t.attributes, t.id, t.type_name, t.billing_group, t.version, a.exclusive, t.created_ms, t.modified_ms
    FROM certificates c
    JOIN thing_principals a ON a.certificate = c.seq
    JOIN things t ON t.seq = a.thing
    WHERE c.id = $1 ORDER BY a.thing LIMIT $2) AS attached
UNION ALL
SELECT 0, p.name, v.document, p.generation_id, '', '', v.version, p.default_version, p.created_ms, p.modified_ms
FROM policies p
JOIN policy_versions v ON v.policy = p.seq AND v.version = p.default_version
WHERE p.seq IN (
    WITH RECURSIVE up (seq, parent) AS (
        SELECT g.seq, g.parent
        FROM certificates c
        JOIN thing_principals a ON a.certificate = c.seq
        JOIN things t ON t.seq = a.thing AND t.name = $3
        JOIN group_things m ON m.thing = t.seq
        JOIN thing_groups g ON g.seq = m.thing_group
        WHERE c.id = $1
        UNION
        SELECT g.seq, g.parent FROM up JOIN thing_groups g ON g.seq = up.parent)
    SELECT gp.policy FROM up JOIN group_policies gp ON gp.thing_group = up.seq);
