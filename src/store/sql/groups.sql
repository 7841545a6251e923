-- :thing_type_get
SELECT name, id, description, searchable, mqtt5, deprecated_ms, created_ms FROM thing_types WHERE name = $1;

-- :thing_type_list
SELECT name, id, description, searchable, mqtt5, deprecated_ms, created_ms
FROM thing_types WHERE name > $1 ORDER BY name LIMIT $2;

-- :thing_type_state
SELECT deprecated_ms FROM thing_types WHERE name = $1;

-- :thing_type_insert
INSERT INTO thing_types (name, id, description, searchable, mqtt5, deprecated_ms, created_ms)
VALUES ($1, $2, $3, $4, $5, 0, $6)
ON CONFLICT (name) DO NOTHING;

-- :thing_type_update
UPDATE thing_types SET description = $2, searchable = $3, mqtt5 = $4 WHERE name = $1;

-- :thing_type_deprecate
UPDATE thing_types SET deprecated_ms = $2 WHERE name = $1;

-- :thing_type_used
SELECT 1 FROM things WHERE type_name = $1 AND type_name <> '' LIMIT 1;

-- :thing_type_delete
DELETE FROM thing_types WHERE name = $1;

-- :things_of_type
SELECT name, id, type_name, billing_group, attributes, version, created_ms, modified_ms
FROM things WHERE type_name = $1 AND type_name <> '' AND name > $2 ORDER BY name LIMIT $3;

-- :things_in_range
SELECT name, id, type_name, billing_group, attributes, version, created_ms, modified_ms
FROM things WHERE name >= $1 AND name <> $2 AND name < $4 ORDER BY name LIMIT $3;

-- :things_of_group
SELECT t.name, t.id, t.type_name, t.billing_group, t.attributes, t.version, t.created_ms, t.modified_ms
FROM group_things m JOIN things t ON t.seq = m.thing
WHERE m.thing_group = (SELECT seq FROM thing_groups WHERE name = $1) AND m.thing_name > $2
ORDER BY m.thing_name LIMIT $3;

-- :group_get
SELECT g.name, g.id, coalesce(p.name, ''), g.description, g.attributes, g.version, g.created_ms
FROM thing_groups g LEFT JOIN thing_groups p ON p.seq = g.parent
WHERE g.name = $1;

-- :group_exists
SELECT seq FROM thing_groups WHERE name = $1;

-- :group_state
SELECT seq, root, depth, version, (SELECT count(*) FROM thing_groups c WHERE c.parent = g.seq)
FROM thing_groups g WHERE g.name = $1;

-- :group_list
SELECT name FROM thing_groups WHERE name > $1 AND name >= $3 AND name < $4 ORDER BY name LIMIT $2;

-- :group_list_roots
SELECT name FROM thing_groups WHERE parent IS NULL AND name > $1 AND name >= $3 AND name < $4 ORDER BY name LIMIT $2;

-- :group_list_children
SELECT name FROM thing_groups
WHERE parent = (SELECT seq FROM thing_groups WHERE name = $5) AND name > $1 AND name >= $3 AND name < $4
ORDER BY name LIMIT $2;

-- :group_list_descendants
WITH RECURSIVE down (seq, name) AS (
    SELECT c.seq, c.name FROM thing_groups g JOIN thing_groups c ON c.parent = g.seq WHERE g.name = $5
    UNION
    SELECT c.seq, c.name FROM down JOIN thing_groups c ON c.parent = down.seq)
SELECT name FROM down WHERE name > $1 AND name >= $3 AND name < $4 ORDER BY name LIMIT $2;

-- :group_records
SELECT g.name, g.id, coalesce(p.name, ''), g.description, g.attributes, g.version, g.created_ms
FROM thing_groups g LEFT JOIN thing_groups p ON p.seq = g.parent
WHERE g.name > $1 ORDER BY g.name LIMIT $2;

-- :group_ancestors
WITH RECURSIVE up (seq, parent, name, depth) AS (
    SELECT p.seq, p.parent, p.name, p.depth
    FROM thing_groups g JOIN thing_groups p ON p.seq = g.parent WHERE g.name = $1
    UNION
    SELECT p.seq, p.parent, p.name, p.depth FROM up JOIN thing_groups p ON p.seq = up.parent)
SELECT name FROM up ORDER BY depth LIMIT $2;

-- :group_insert
INSERT INTO thing_groups (name, id, parent, root, depth, version, created_ms, description, attributes)
VALUES ($1, $2, NULL, 0, 1, 1, $3, $4, $5)
ON CONFLICT (name) DO NOTHING RETURNING seq;

-- :group_place
UPDATE thing_groups SET parent = $2, root = $3, depth = $4 WHERE seq = $1;

-- :group_place_root
UPDATE thing_groups SET root = $1 WHERE seq = $1;

-- :group_update
UPDATE thing_groups SET description = $2, attributes = $3, version = version + 1 WHERE seq = $1;

-- :group_delete
DELETE FROM thing_groups WHERE seq = $1;

-- :group_things
SELECT thing_name FROM group_things
WHERE thing_group = (SELECT seq FROM thing_groups WHERE name = $1) AND thing_name > $2
ORDER BY thing_name LIMIT $3;

-- :group_things_recursive
WITH RECURSIVE down (seq) AS (
    SELECT seq FROM thing_groups WHERE name = $1
    UNION
    SELECT c.seq FROM down JOIN thing_groups c ON c.parent = down.seq)
SELECT m.thing_name FROM down JOIN group_things m ON m.thing_group = down.seq
WHERE m.thing_name > $2 ORDER BY m.thing_name LIMIT $3;

-- :groups_of_thing
SELECT g.name FROM things t
JOIN group_things m ON m.thing = t.seq
JOIN thing_groups g ON g.seq = m.thing_group
WHERE t.name = $1 AND g.name > $2 ORDER BY g.name LIMIT $3;

-- :group_membership
SELECT m.thing_group, g.root FROM group_things m JOIN thing_groups g ON g.seq = m.thing_group WHERE m.thing = $1;

-- :group_add
INSERT INTO group_things (thing, thing_group, thing_name) VALUES ($1, $2, $3)
ON CONFLICT (thing, thing_group) DO NOTHING;

-- :group_remove
DELETE FROM group_things WHERE thing = $1 AND thing_group = $2;

-- :group_leave_all
DELETE FROM group_things WHERE thing = $1;

-- :policies_of_group
SELECT p.name FROM thing_groups g
JOIN group_policies a ON a.thing_group = g.seq
JOIN policies p ON p.seq = a.policy
WHERE g.name = $1 AND p.name > $2 ORDER BY p.name LIMIT $3;

-- :policies_of_group_recursive
WITH RECURSIVE up (seq, parent) AS (
    SELECT seq, parent FROM thing_groups WHERE name = $1
    UNION
    SELECT p.seq, p.parent FROM up JOIN thing_groups p ON p.seq = up.parent)
SELECT DISTINCT p.name FROM up
JOIN group_policies a ON a.thing_group = up.seq
JOIN policies p ON p.seq = a.policy
WHERE p.name > $2 ORDER BY p.name LIMIT $3;

-- :policy_names_of_group_and_above
WITH RECURSIVE up (seq, parent) AS (
    SELECT seq, parent FROM thing_groups WHERE name = $1
    UNION
    SELECT p.seq, p.parent FROM up JOIN thing_groups p ON p.seq = up.parent)
SELECT DISTINCT p.name FROM up
JOIN group_policies a ON a.thing_group = up.seq
JOIN policies p ON p.seq = a.policy;

-- :groups_of_policy
SELECT g.name FROM policies p
JOIN group_policies a ON a.policy = p.seq
JOIN thing_groups g ON g.seq = a.thing_group
WHERE p.name = $1 AND g.name > $2 ORDER BY g.name LIMIT $3;

-- :policy_seq
SELECT seq FROM policies WHERE name = $1;

-- :group_policy_exists
SELECT 1 FROM group_policies WHERE thing_group = $1 AND policy = $2;

-- :group_policy_count
SELECT count(*) FROM group_policies WHERE thing_group = $1;

-- :group_policy_insert
INSERT INTO group_policies (thing_group, policy) VALUES ($1, $2);

-- :group_policy_delete
DELETE FROM group_policies WHERE thing_group = $1 AND policy = $2;

-- :billing_group_get
SELECT name, id, description, version, created_ms FROM billing_groups WHERE name = $1;

-- :billing_group_list
SELECT name FROM billing_groups WHERE name > $1 AND name >= $3 AND name < $4 ORDER BY name LIMIT $2;

-- :billing_group_exists
SELECT version FROM billing_groups WHERE name = $1;

-- :billing_group_insert
INSERT INTO billing_groups (name, id, version, created_ms, description) VALUES ($1, $2, 1, $3, $4)
ON CONFLICT (name) DO NOTHING;

-- :billing_group_update
UPDATE billing_groups SET description = $2, version = version + 1 WHERE name = $1;

-- :billing_group_used
SELECT 1 FROM things WHERE billing_group = $1 AND billing_group <> '' LIMIT 1;

-- :billing_group_delete
DELETE FROM billing_groups WHERE name = $1;

-- :billing_group_things
SELECT name FROM things WHERE billing_group = $1 AND billing_group <> '' AND name > $2 ORDER BY name LIMIT $3;

-- :thing_billing_get
SELECT billing_group FROM things WHERE name = $1;

-- :thing_billing_set
UPDATE things SET billing_group = $2 WHERE name = $1;

-- :tag_list
SELECT key, value FROM tags WHERE resource = $1 ORDER BY key LIMIT $2;

-- :tag_put
INSERT INTO tags (resource, key, value) VALUES ($1, $2, $3)
ON CONFLICT (resource, key) DO UPDATE SET value = excluded.value;

-- :tag_count
SELECT count(*) FROM tags WHERE resource = $1;

-- :tag_delete
DELETE FROM tags WHERE resource = $1 AND key = $2;

-- :tags_forget
DELETE FROM tags WHERE resource = $1;

-- :connectivity_get
SELECT c.connected, c.time_ms, c.reason FROM things t
JOIN thing_connectivity c ON c.thing = t.seq WHERE t.name = $1;

-- :connectivity_reset
UPDATE thing_connectivity SET connected = 0, time_ms = $1, reason = $2 WHERE connected = 1 AND server IN ($3, '');

-- :connectivity_put
INSERT INTO thing_connectivity (thing, connected, time_ms, reason, server)
SELECT seq, $2, $3, $4, $5 FROM things WHERE name = $1
ON CONFLICT (thing) DO UPDATE SET connected = excluded.connected, time_ms = excluded.time_ms, reason = excluded.reason,
    server = excluded.server
WHERE excluded.connected = 1 OR thing_connectivity.server = excluded.server;
