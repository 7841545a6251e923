-- :authority_get
SELECT id, subject, pem, status, mode, template_name, template_body, role_arn, auto_registration, not_before_ms,
    not_after_ms, created_ms, modified_ms, customer_version
FROM authorities WHERE id = $1;

-- :authority_list
SELECT id, subject, '', status, mode, template_name, '', role_arn, auto_registration, not_before_ms,
    not_after_ms, created_ms, modified_ms, customer_version
FROM authorities WHERE (created_ms, id) > ($1, $2) AND ($4 = '' OR template_name = $4)
ORDER BY created_ms, id LIMIT $3;

-- :authority_list_desc
SELECT id, subject, '', status, mode, template_name, '', role_arn, auto_registration, not_before_ms,
    not_after_ms, created_ms, modified_ms, customer_version
FROM authorities WHERE (created_ms, id) < ($1, $2) AND ($4 = '' OR template_name = $4)
ORDER BY created_ms DESC, id DESC LIMIT $3;

-- :authority_created
SELECT created_ms FROM authorities WHERE id = $1;

-- :authorities_of_subject
SELECT id, subject, pem, status, mode, template_name, template_body, role_arn, auto_registration, not_before_ms,
    not_after_ms, created_ms, modified_ms, customer_version
FROM authorities WHERE subject = $1 ORDER BY id LIMIT $2;

-- :authority_status
SELECT status FROM authorities WHERE id = $1;

-- :authority_insert
INSERT INTO authorities (id, subject, status, mode, auto_registration, not_before_ms, not_after_ms, created_ms,
    modified_ms, customer_version, template_name, template_body, role_arn, pem)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
ON CONFLICT (id) DO NOTHING;

-- :authority_count_subject
SELECT count(*) FROM authorities WHERE subject = $1;

-- :authority_update
UPDATE authorities SET
    status = CASE WHEN $2 = '' THEN status ELSE $2 END,
    auto_registration = CASE WHEN $3 < 0 THEN auto_registration ELSE $3 END,
    template_name = CASE WHEN $4 = 0 THEN template_name ELSE $5 END,
    template_body = CASE WHEN $4 = 0 THEN template_body ELSE $6 END,
    role_arn = CASE WHEN $4 = 0 THEN role_arn ELSE $7 END,
    modified_ms = $8, customer_version = customer_version + 1
WHERE id = $1;

-- :authority_delete
DELETE FROM authorities WHERE id = $1;

-- :certificate_list_of_ca
SELECT id, '', status, mode, ca_id, claim_id, not_before_ms, not_after_ms, created_ms, modified_ms, customer_version
FROM certificates WHERE ca_id = $4 AND ca_id <> '' AND (created_ms, id) > ($1, $2) ORDER BY created_ms, id LIMIT $3;

-- :certificate_list_of_ca_desc
SELECT id, '', status, mode, ca_id, claim_id, not_before_ms, not_after_ms, created_ms, modified_ms, customer_version
FROM certificates WHERE ca_id = $4 AND ca_id <> '' AND (created_ms, id) < ($1, $2)
ORDER BY created_ms DESC, id DESC LIMIT $3;

-- :meta_ensure
INSERT INTO meta (key, value) VALUES ($1, $2) ON CONFLICT (key) DO NOTHING;

-- :meta_delete
DELETE FROM meta WHERE key = $1;
