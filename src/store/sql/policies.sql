-- :policy_get
SELECT p.name, v.document, p.generation_id, v.version, p.default_version, p.created_ms, p.modified_ms
FROM policies p JOIN policy_versions v ON v.policy = p.seq AND v.version = p.default_version
WHERE p.name = $1;

-- :policy_get_version
SELECT p.name, v.document, p.generation_id, v.version, p.default_version, v.created_ms, p.modified_ms
FROM policies p JOIN policy_versions v ON v.policy = p.seq AND v.version = $2
WHERE p.name = $1;

-- :policy_list
SELECT p.name, v.document, p.generation_id, v.version, p.default_version, p.created_ms, p.modified_ms
FROM policies p JOIN policy_versions v ON v.policy = p.seq AND v.version = p.default_version
WHERE p.name > $1 ORDER BY p.name LIMIT $2;

-- :policy_list_desc
SELECT p.name, v.document, p.generation_id, v.version, p.default_version, p.created_ms, p.modified_ms
FROM policies p JOIN policy_versions v ON v.policy = p.seq AND v.version = p.default_version
WHERE p.name < $1 ORDER BY p.name DESC LIMIT $2;

-- :policy_versions
SELECT v.version, v.created_ms, v.version = p.default_version
FROM policies p JOIN policy_versions v ON v.policy = p.seq
WHERE p.name = $1 ORDER BY v.version DESC LIMIT $2;

-- :policy_state
SELECT seq, default_version, last_version,
    (SELECT count(*) FROM policy_versions v WHERE v.policy = policies.seq)
FROM policies WHERE name = $1;

-- :policy_exists
SELECT 1 FROM policies WHERE name = $1;

-- :policy_insert
INSERT INTO policies (name, generation_id, default_version, last_version, created_ms, modified_ms)
VALUES ($1, $2, 1, 1, $3, $4)
ON CONFLICT (name) DO NOTHING RETURNING seq;

-- :policy_version_insert
INSERT INTO policy_versions (policy, version, created_ms, document) VALUES ($1, $2, $3, $4);

-- :policy_versions_set
UPDATE policies SET default_version = $2, last_version = $3, modified_ms = $4 WHERE seq = $1;

-- :policy_version_exists
SELECT 1 FROM policy_versions WHERE policy = $1 AND version = $2;

-- :policy_version_delete
DELETE FROM policy_versions WHERE policy = $1 AND version = $2;

-- :policy_attached
SELECT 1 FROM policy_attachments WHERE policy = $1
UNION ALL
SELECT 1 FROM group_policies WHERE policy = $1 LIMIT 1;

-- :policy_delete
DELETE FROM policies WHERE seq = $1;

-- :attachments_of_certificate
SELECT p.name FROM certificates c
JOIN policy_attachments a ON a.certificate = c.seq
JOIN policies p ON p.seq = a.policy
WHERE c.id = $1 AND p.name > $2 ORDER BY p.name LIMIT $3;

-- :attachments_of_certificate_desc
SELECT p.name FROM certificates c
JOIN policy_attachments a ON a.certificate = c.seq
JOIN policies p ON p.seq = a.policy
WHERE c.id = $1 AND p.name < $2 ORDER BY p.name DESC LIMIT $3;

-- :targets_of_policy
SELECT c.id FROM policies p
JOIN policy_attachments a ON a.policy = p.seq
JOIN certificates c ON c.seq = a.certificate
WHERE p.name = $1 AND c.id > $2 ORDER BY c.id LIMIT $3;

-- :targets_of_policy_desc
SELECT c.id FROM policies p
JOIN policy_attachments a ON a.policy = p.seq
JOIN certificates c ON c.seq = a.certificate
WHERE p.name = $1 AND c.id < $2 ORDER BY c.id DESC LIMIT $3;

-- :attachment_insert
INSERT INTO policy_attachments (certificate, policy)
SELECT c.seq, p.seq FROM certificates c, policies p
WHERE c.id = $2 AND p.name = $1
    AND (SELECT count(*) FROM policy_attachments a WHERE a.certificate = c.seq) < $3
ON CONFLICT (certificate, policy) DO NOTHING;

-- :attachment_exists
SELECT 1 FROM policy_attachments a
WHERE a.policy = (SELECT seq FROM policies WHERE name = $1)
    AND a.certificate = (SELECT seq FROM certificates WHERE id = $2);

-- :attachment_delete
DELETE FROM policy_attachments
WHERE policy = (SELECT seq FROM policies WHERE name = $1)
    AND certificate = (SELECT seq FROM certificates WHERE id = $2);
