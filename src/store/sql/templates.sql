-- :template_get
SELECT t.name, t.description, v.body, t.role_arn, t.hook_target, t.hook_payload_version, t.type,
    v.version, t.default_version, t.created_ms, t.modified_ms, t.enabled
FROM templates t JOIN template_versions v ON v.template = t.seq AND v.version = t.default_version
WHERE t.name = $1;

-- :template_get_with_settings
SELECT t.name, t.description, v.body, t.role_arn, t.hook_target, t.hook_payload_version, t.type,
    v.version, t.default_version, t.created_ms, t.modified_ms, t.enabled,
    coalesce(s.on_active, ''), coalesce(s.rotation, 0), coalesce(s.grace_s, 0), coalesce(s.modified_ms, 0)
FROM templates t JOIN template_versions v ON v.template = t.seq AND v.version = t.default_version
LEFT JOIN template_settings s ON s.template = t.seq
WHERE t.name = $1;

-- :template_get_version
SELECT t.name, t.description, v.body, t.role_arn, t.hook_target, t.hook_payload_version, t.type,
    v.version, t.default_version, v.created_ms, t.modified_ms, t.enabled
FROM templates t JOIN template_versions v ON v.template = t.seq AND v.version = $2
WHERE t.name = $1;

-- :template_list
SELECT name, description, '', role_arn, hook_target, hook_payload_version, type,
    default_version, default_version, created_ms, modified_ms, enabled
FROM templates WHERE name > $1 ORDER BY name LIMIT $2;

-- :template_list_desc
SELECT name, description, '', role_arn, hook_target, hook_payload_version, type,
    default_version, default_version, created_ms, modified_ms, enabled
FROM templates WHERE name < $1 ORDER BY name DESC LIMIT $2;

-- :template_versions
SELECT v.version, v.created_ms, v.version = t.default_version
FROM templates t JOIN template_versions v ON v.template = t.seq
WHERE t.name = $1 AND v.version > $2 ORDER BY v.version LIMIT $3;

-- :template_versions_desc
SELECT v.version, v.created_ms, v.version = t.default_version
FROM templates t JOIN template_versions v ON v.template = t.seq
WHERE t.name = $1 AND v.version < $2 ORDER BY v.version DESC LIMIT $3;

-- :template_exists
SELECT enabled FROM templates WHERE name = $1;

-- :template_state
SELECT seq, default_version, last_version,
    (SELECT count(*) FROM template_versions v WHERE v.template = templates.seq)
FROM templates WHERE name = $1;

-- :template_insert
INSERT INTO templates (name, description, role_arn, hook_target, hook_payload_version, type, enabled,
    default_version, last_version, created_ms, modified_ms)
VALUES ($1, $2, $3, $4, $5, $6, $7, 1, 1, $8, $9)
ON CONFLICT (name) DO NOTHING RETURNING seq;

-- :template_version_insert
INSERT INTO template_versions (template, version, created_ms, body) VALUES ($1, $2, $3, $4);

-- :template_versions_set
UPDATE templates SET default_version = $2, last_version = $3, modified_ms = $4 WHERE seq = $1;

-- :template_version_exists
SELECT 1 FROM template_versions WHERE template = $1 AND version = $2;

-- :template_version_delete
DELETE FROM template_versions WHERE template = $1 AND version = $2;

-- :template_update
UPDATE templates SET
    description = CASE WHEN $2 = 1 THEN $3 ELSE description END,
    role_arn = CASE WHEN $4 = 1 THEN $5 ELSE role_arn END,
    hook_target = CASE WHEN $6 = 1 THEN $7 ELSE hook_target END,
    hook_payload_version = CASE WHEN $6 = 1 THEN $8 ELSE hook_payload_version END,
    enabled = CASE WHEN $9 = 1 THEN $10 ELSE enabled END,
    default_version = CASE WHEN $11 = 1 THEN $12 ELSE default_version END,
    modified_ms = $13
WHERE seq = $1;

-- :template_delete
DELETE FROM templates WHERE seq = $1;
