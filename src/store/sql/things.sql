-- :thing_get
SELECT name, id, type_name, billing_group, attributes, version, created_ms, modified_ms FROM things WHERE name = $1;

-- :thing_list
SELECT name, id, type_name, billing_group, attributes, version, created_ms, modified_ms
FROM things WHERE name > $1 ORDER BY name LIMIT $2;

-- :thing_list_desc
SELECT name, id, type_name, billing_group, attributes, version, created_ms, modified_ms
FROM things WHERE name < $1 ORDER BY name DESC LIMIT $2;

-- :thing_exists
SELECT seq FROM things WHERE name = $1;

-- :principals_of_thing
SELECT c.id FROM things t
JOIN thing_principals a ON a.thing = t.seq
JOIN certificates c ON c.seq = a.certificate
WHERE t.name = $1 AND c.id > $2 ORDER BY c.id LIMIT $3;

-- :principals_of_thing_desc
SELECT c.id FROM things t
JOIN thing_principals a ON a.thing = t.seq
JOIN certificates c ON c.seq = a.certificate
WHERE t.name = $1 AND c.id < $2 ORDER BY c.id DESC LIMIT $3;

-- :things_of_principal
SELECT t.name FROM certificates c
JOIN thing_principals a ON a.certificate = c.seq
JOIN things t ON t.seq = a.thing
WHERE c.id = $1 AND t.name > $2 ORDER BY t.name LIMIT $3;

-- :things_of_principal_desc
SELECT t.name FROM certificates c
JOIN thing_principals a ON a.certificate = c.seq
JOIN things t ON t.seq = a.thing
WHERE c.id = $1 AND t.name < $2 ORDER BY t.name DESC LIMIT $3;

-- :thing_insert
INSERT INTO things (name, id, type_name, billing_group, attributes, version, created_ms, modified_ms)
VALUES ($1, $2, $3, $4, $5, 1, $6, $7)
ON CONFLICT (name) DO NOTHING;

-- :thing_change
UPDATE things SET type_name = $3, attributes = $4, modified_ms = $5, version = version + 1
WHERE name = $1 AND version = $2;

-- :thing_version
SELECT version FROM things WHERE name = $1;

-- :thing_attachments
SELECT c.id, a.exclusive FROM things t
JOIN thing_principals a ON a.thing = t.seq
JOIN certificates c ON c.seq = a.certificate
WHERE t.name = $1 AND c.id > $2 AND ($3 = 2 OR a.exclusive = $3) ORDER BY c.id LIMIT $4;

-- :principal_attachments
SELECT t.name, a.exclusive FROM certificates c
JOIN thing_principals a ON a.certificate = c.seq
JOIN things t ON t.seq = a.thing
WHERE c.id = $1 AND t.name > $2 AND ($3 = 2 OR a.exclusive = $3) ORDER BY t.name LIMIT $4;

-- :thing_update
UPDATE things SET type_name = $2, billing_group = $3, attributes = $4, modified_ms = $5, version = version + 1
WHERE name = $1;

-- :thing_attached
SELECT 1 FROM thing_principals WHERE thing = $1 LIMIT 1;

-- :thing_delete
DELETE FROM things WHERE seq = $1;

-- :thing_holder
SELECT c.id FROM things t
JOIN thing_principals a ON a.thing = t.seq
JOIN certificates c ON c.seq = a.certificate
WHERE t.name = $1 AND c.status = 'ACTIVE' AND c.id <> $2 LIMIT 1;

-- :thing_attach
INSERT INTO thing_principals (certificate, thing, exclusive)
SELECT c.seq, t.seq, $3 FROM certificates c, things t
WHERE c.id = $2 AND t.name = $1
    AND NOT EXISTS (SELECT 1 FROM thing_principals o
        WHERE o.certificate = c.seq AND o.thing <> t.seq AND (o.exclusive = 1 OR $3 = 1))
ON CONFLICT (certificate, thing) DO NOTHING;

-- :thing_attachment
SELECT a.exclusive, (SELECT count(*) FROM thing_principals o WHERE o.certificate = a.certificate)
FROM thing_principals a
WHERE a.thing = (SELECT seq FROM things WHERE name = $1)
    AND a.certificate = (SELECT seq FROM certificates WHERE id = $2);

-- :thing_attachment_exclusive
UPDATE thing_principals SET exclusive = 1
WHERE thing = (SELECT seq FROM things WHERE name = $1)
    AND certificate = (SELECT seq FROM certificates WHERE id = $2);

-- :thing_detach
DELETE FROM thing_principals
WHERE thing = (SELECT seq FROM things WHERE name = $1)
    AND certificate = (SELECT seq FROM certificates WHERE id = $2);

-- :certificates_of_thing
SELECT c.id FROM things t
JOIN thing_principals a ON a.thing = t.seq
JOIN certificates c ON c.seq = a.certificate
WHERE t.name = $1;

-- :thing_attributes_add
INSERT INTO thing_attributes (name, value, thing)
SELECT e.key, e.value, t.name FROM things t, json_each(nullif(t.attributes, '')) e WHERE t.name = $1;

-- :thing_attributes_drop
DELETE FROM thing_attributes
WHERE thing = $1 AND (name, value) IN (SELECT e.key, e.value FROM things t, json_each(nullif(t.attributes, '')) e WHERE t.name = $1);

-- :things_of_attribute
SELECT t.name, t.id, t.type_name, t.billing_group, t.attributes, t.version, t.created_ms, t.modified_ms
FROM thing_attributes a JOIN things t ON t.name = a.thing
WHERE a.name = $4 AND a.value = $1 AND a.thing > $2 ORDER BY a.thing LIMIT $3;
