-- :pairing_get
SELECT id, user_code, key_digest, spki, serial, model, suggested, source_ip, created_ms, expires_ms, step, ended, reason,
    message, looked_by, looked_ms, decided_by, decided_ms, taken_ms, connected_ms, certified_ms, registered_ms, done_ms,
    template_name, parameters, thing_name, claim_id, claim_pem, claim_expires_ms, certificate_id
FROM pairings WHERE id = $1;

-- :pairing_of_device
SELECT id, user_code, key_digest, spki, serial, model, suggested, source_ip, created_ms, expires_ms, step, ended, reason,
    message, looked_by, looked_ms, decided_by, decided_ms, taken_ms, connected_ms, certified_ms, registered_ms, done_ms,
    template_name, parameters, thing_name, claim_id, claim_pem, claim_expires_ms, certificate_id
FROM pairings WHERE device_hash = $1;

-- :pairing_of_code
SELECT id, user_code, key_digest, spki, serial, model, suggested, source_ip, created_ms, expires_ms, step, ended, reason,
    message, looked_by, looked_ms, decided_by, decided_ms, taken_ms, connected_ms, certified_ms, registered_ms, done_ms,
    template_name, parameters, thing_name, claim_id, claim_pem, claim_expires_ms, certificate_id
FROM pairings WHERE user_code = $1;

-- :pairing_list
SELECT id, user_code, key_digest, spki, serial, model, suggested, source_ip, created_ms, expires_ms, step, ended, reason,
    message, looked_by, looked_ms, decided_by, decided_ms, taken_ms, connected_ms, certified_ms, registered_ms, done_ms,
    template_name, parameters, thing_name, claim_id, claim_pem, claim_expires_ms, certificate_id
FROM pairings WHERE (created_ms, id) > ($1, $2) ORDER BY created_ms, id LIMIT $3;

-- :pairing_list_desc
SELECT id, user_code, key_digest, spki, serial, model, suggested, source_ip, created_ms, expires_ms, step, ended, reason,
    message, looked_by, looked_ms, decided_by, decided_ms, taken_ms, connected_ms, certified_ms, registered_ms, done_ms,
    template_name, parameters, thing_name, claim_id, claim_pem, claim_expires_ms, certificate_id
FROM pairings WHERE (created_ms, id) < ($1, $2) ORDER BY created_ms DESC, id DESC LIMIT $3;

-- :pairing_created
SELECT created_ms FROM pairings WHERE id = $1;

-- :pairings_lapsing
SELECT id, user_code, key_digest, spki, serial, model, suggested, source_ip, created_ms, expires_ms, step, ended, reason,
    message, looked_by, looked_ms, decided_by, decided_ms, taken_ms, connected_ms, certified_ms, registered_ms, done_ms,
    template_name, parameters, thing_name, claim_id, claim_pem, claim_expires_ms, certificate_id
FROM pairings WHERE step <= 2 AND ended = '' AND expires_ms <= $1 ORDER BY expires_ms LIMIT $2;

-- :pairings_stranded
SELECT id, user_code, key_digest, spki, serial, model, suggested, source_ip, created_ms, expires_ms, step, ended, reason,
    message, looked_by, looked_ms, decided_by, decided_ms, taken_ms, connected_ms, certified_ms, registered_ms, done_ms,
    template_name, parameters, thing_name, claim_id, claim_pem, claim_expires_ms, certificate_id
FROM pairings WHERE step BETWEEN 3 AND 6 AND ended = '' AND claim_expires_ms <= $1 ORDER BY claim_expires_ms LIMIT $2;

-- :pairing_awaited
SELECT id FROM pairings WHERE certificate_id = $1 AND step = 7;

-- :pairings_waiting
SELECT count(*) FROM (SELECT 1 FROM pairings WHERE step <= 2 AND ended = '' AND expires_ms > $1 LIMIT $2) AS waiting;

-- :pairing_insert
INSERT INTO pairings (id, device_hash, user_code, key_digest, spki, serial, model, suggested, source_ip, created_ms,
    expires_ms, step, ended, reason, message, looked_by, looked_ms, decided_by, decided_ms, taken_ms, connected_ms,
    certified_ms, registered_ms, done_ms, template_name, parameters, thing_name, claim_id, claim_pem, claim_expires_ms,
    certificate_id)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 1, '', '', '', '', 0, '', 0, 0, 0, 0, 0, 0, '', '{}', '', '', '', 0, '')
ON CONFLICT DO NOTHING;

-- :pairing_look
UPDATE pairings SET step = 2, looked_by = $2, looked_ms = $3
WHERE id = $1 AND step = 1 AND ended = '' AND expires_ms > $3;

-- :pairing_approve
UPDATE pairings SET step = 3, decided_by = $2, decided_ms = $3, template_name = $4, parameters = $5, thing_name = $6,
    claim_id = $7, claim_pem = $8, claim_expires_ms = $9
WHERE id = $1 AND step <= 2 AND ended = '' AND expires_ms > $3;

-- :pairing_deny
UPDATE pairings SET ended = 'DENIED', decided_by = $2, decided_ms = $3
WHERE id = $1 AND step <= 2 AND ended = '' AND expires_ms > $3;

-- :pairing_step
UPDATE pairings SET step = CASE WHEN step < $2 THEN $2 ELSE step END,
    reason = CASE WHEN step <= $2 THEN '' ELSE reason END,
    message = CASE WHEN step <= $2 THEN '' ELSE message END,
    taken_ms = CASE WHEN $2 = 4 AND taken_ms = 0 THEN $3 ELSE taken_ms END,
    connected_ms = CASE WHEN $2 = 5 AND connected_ms = 0 THEN $3 ELSE connected_ms END,
    certified_ms = CASE WHEN $2 = 6 AND certified_ms = 0 THEN $3 ELSE certified_ms END,
    registered_ms = CASE WHEN $2 = 7 AND registered_ms = 0 THEN $3 ELSE registered_ms END,
    certificate_id = CASE WHEN $4 <> '' THEN $4 ELSE certificate_id END,
    thing_name = CASE WHEN $5 <> '' THEN $5 ELSE thing_name END
WHERE id = $1 AND step BETWEEN 3 AND 6 AND ended = '';

-- :pairing_arrive
UPDATE pairings SET step = 8, done_ms = $2 WHERE id = $1 AND step = 7;

-- :pairing_trouble
UPDATE pairings SET reason = $2, message = $3 WHERE id = $1 AND step BETWEEN 3 AND 6 AND ended = '';

-- :pairing_end
UPDATE pairings SET ended = $2, reason = $3, message = $4 WHERE id = $1 AND step < 7 AND ended = '';

-- :pairings_forget_lapsed
DELETE FROM pairings WHERE id IN (SELECT id FROM pairings WHERE ended = 'EXPIRED' AND expires_ms <= $1 ORDER BY expires_ms LIMIT $2);

-- :pairings_forget_old
DELETE FROM pairings WHERE id IN (SELECT id FROM pairings WHERE created_ms <= $1 ORDER BY created_ms, id LIMIT $2);
