-- :hook_get
SELECT name, target_arn, kind, target, timeout_ms, ca_pem, certificate_pem, sealed_key, sealed_secret, created_ms,
    modified_ms
FROM hooks WHERE name = $1;

-- :hook_of_target
SELECT name, target_arn, kind, target, timeout_ms, ca_pem, certificate_pem, sealed_key, sealed_secret, created_ms,
    modified_ms
FROM hooks WHERE target_arn = $1;

-- :hook_list
SELECT name, target_arn, kind, target, timeout_ms, ca_pem, certificate_pem, sealed_key, sealed_secret, created_ms,
    modified_ms
FROM hooks WHERE name > $1 ORDER BY name LIMIT $2;

-- :hook_taken
SELECT 1 FROM hooks WHERE target_arn = $1 AND name <> $2;

-- :hook_exists
SELECT 1 FROM hooks WHERE name = $1;

-- :hook_put
INSERT INTO hooks (name, target_arn, kind, target, timeout_ms, ca_pem, certificate_pem, sealed_key, sealed_secret,
    created_ms, modified_ms)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10)
ON CONFLICT (name) DO UPDATE SET target_arn = $2, kind = $3, target = $4, timeout_ms = $5, ca_pem = $6,
    certificate_pem = $7, sealed_key = $8, sealed_secret = $9, modified_ms = $10;

-- :hook_delete
DELETE FROM hooks WHERE name = $1;

-- :hook_serial_get
SELECT serial, overrides FROM hook_serials WHERE hook = $1 AND serial = $2;

-- :hook_serial_list
SELECT serial, overrides FROM hook_serials WHERE hook = $1 AND serial > $2 ORDER BY serial LIMIT $3;

-- :hook_serial_put
INSERT INTO hook_serials (hook, serial, overrides) VALUES ($1, $2, $3)
ON CONFLICT (hook, serial) DO UPDATE SET overrides = $3;

-- :hook_serial_delete
DELETE FROM hook_serials WHERE hook = $1 AND serial = $2;

-- :hook_serials_clear
DELETE FROM hook_serials WHERE hook = $1;
