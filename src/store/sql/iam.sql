-- :iam_group_get
SELECT name, created_ms FROM iam_groups WHERE name = $1;

-- :iam_group_list
SELECT name, created_ms FROM iam_groups WHERE name > $1 ORDER BY name LIMIT $2;

-- :iam_group_exists
SELECT 1 FROM iam_groups WHERE name = $1;

-- :iam_group_insert
INSERT INTO iam_groups (name, created_ms) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING;

-- :iam_group_delete
DELETE FROM iam_groups WHERE name = $1;

-- :iam_group_users
SELECT user_name FROM iam_group_members WHERE group_name = $1;

-- :iam_group_members
SELECT user_name FROM iam_group_members WHERE group_name = $1 AND user_name > $2 ORDER BY user_name LIMIT $3;

-- :iam_group_members_desc
SELECT user_name FROM iam_group_members WHERE group_name = $1 AND user_name < $2 ORDER BY user_name DESC LIMIT $3;

-- :iam_groups_of_user
SELECT group_name FROM iam_group_members WHERE user_name = $1 AND group_name > $2 ORDER BY group_name LIMIT $3;

-- :iam_groups_of_user_desc
SELECT group_name FROM iam_group_members WHERE user_name = $1 AND group_name < $2 ORDER BY group_name DESC LIMIT $3;

-- :iam_groups_of_user_count
SELECT count(*) FROM iam_group_members WHERE user_name = $1;

-- :iam_member_insert
INSERT INTO iam_group_members (user_name, group_name) VALUES ($1, $2) ON CONFLICT (user_name, group_name) DO NOTHING;

-- :iam_member_delete
DELETE FROM iam_group_members WHERE user_name = $1 AND group_name = $2;

-- :iam_role_get
SELECT name, id, created_ms, session_max_s, description, trust FROM iam_roles WHERE name = $1;

-- :iam_role_list
SELECT name, id, created_ms, session_max_s, description, trust FROM iam_roles WHERE name > $1 ORDER BY name LIMIT $2;

-- :iam_role_exists
SELECT 1 FROM iam_roles WHERE name = $1;

-- :iam_role_insert
INSERT INTO iam_roles (name, id, created_ms, session_max_s, description, trust) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (name) DO NOTHING;

-- :iam_role_update
UPDATE iam_roles SET session_max_s = $2, description = $3, trust = $4 WHERE name = $1;

-- :iam_role_delete
DELETE FROM iam_roles WHERE name = $1;

-- :iam_policy_get
SELECT name, created_ms, modified_ms, description, document FROM iam_policies WHERE name = $1;

-- :iam_policy_list
SELECT name, created_ms, modified_ms, description, document FROM iam_policies WHERE name > $1 ORDER BY name LIMIT $2;

-- :iam_policy_exists
SELECT 1 FROM iam_policies WHERE name = $1;

-- :iam_policy_put
INSERT INTO iam_policies (name, created_ms, modified_ms, description, document) VALUES ($1, $2, $2, $3, $4)
ON CONFLICT (name) DO UPDATE SET modified_ms = excluded.modified_ms, description = excluded.description,
    document = excluded.document;

-- :iam_policy_delete
DELETE FROM iam_policies WHERE name = $1;

-- :iam_policy_attached
SELECT 1 FROM iam_attachments WHERE policy_name = $1 LIMIT 1;

-- :iam_policy_targets
SELECT owner_kind || '/' || owner FROM iam_attachments
WHERE policy_name = $1 AND owner_kind || '/' || owner > $2 ORDER BY 1 LIMIT $3;

-- :iam_policy_targets_desc
SELECT owner_kind || '/' || owner FROM iam_attachments
WHERE policy_name = $1 AND owner_kind || '/' || owner < $2 ORDER BY 1 DESC LIMIT $3;

-- :iam_policy_users
SELECT owner FROM iam_attachments WHERE policy_name = $1 AND owner_kind = 'user'
UNION SELECT m.user_name FROM iam_attachments a JOIN iam_group_members m ON m.group_name = a.owner
WHERE a.policy_name = $1 AND a.owner_kind = 'group';

-- :iam_policy_roles
SELECT owner FROM iam_attachments WHERE policy_name = $1 AND owner_kind = 'role';

-- :iam_inline_list
SELECT name, document FROM iam_inline_policies WHERE owner_kind = $1 AND owner = $2 ORDER BY name LIMIT $3;

-- :iam_inline_count
SELECT count(*) FROM iam_inline_policies WHERE owner_kind = $1 AND owner = $2;

-- :iam_inline_put
INSERT INTO iam_inline_policies (owner_kind, owner, name, document) VALUES ($1, $2, $3, $4)
ON CONFLICT (owner_kind, owner, name) DO UPDATE SET document = excluded.document;

-- :iam_inline_delete
DELETE FROM iam_inline_policies WHERE owner_kind = $1 AND owner = $2 AND name = $3;

-- :iam_inline_delete_all
DELETE FROM iam_inline_policies WHERE owner_kind = $1 AND owner = $2;

-- :iam_attached_list
SELECT policy_name FROM iam_attachments WHERE owner_kind = $1 AND owner = $2 ORDER BY policy_name LIMIT $3;

-- :iam_attached_count
SELECT count(*) FROM iam_attachments WHERE owner_kind = $1 AND owner = $2;

-- :iam_attach
INSERT INTO iam_attachments (owner_kind, owner, policy_name) VALUES ($1, $2, $3)
ON CONFLICT (owner_kind, owner, policy_name) DO NOTHING;

-- :iam_detach
DELETE FROM iam_attachments WHERE owner_kind = $1 AND owner = $2 AND policy_name = $3;

-- :iam_detach_all
DELETE FROM iam_attachments WHERE owner_kind = $1 AND owner = $2;

-- :iam_grants_of_user
SELECT name, document FROM user_policies WHERE user_name = $1
UNION ALL SELECT p.name, p.document FROM iam_attachments a JOIN iam_policies p ON p.name = a.policy_name
WHERE a.owner_kind = 'user' AND a.owner = $1
UNION ALL SELECT i.name, i.document FROM iam_group_members m
JOIN iam_inline_policies i ON i.owner_kind = 'group' AND i.owner = m.group_name WHERE m.user_name = $1
UNION ALL SELECT p.name, p.document FROM iam_group_members m
JOIN iam_attachments a ON a.owner_kind = 'group' AND a.owner = m.group_name
JOIN iam_policies p ON p.name = a.policy_name WHERE m.user_name = $1
LIMIT $2;

-- :iam_grants_of_role
SELECT name, document FROM iam_inline_policies WHERE owner_kind = 'role' AND owner = $1
UNION ALL SELECT p.name, p.document FROM iam_attachments a JOIN iam_policies p ON p.name = a.policy_name
WHERE a.owner_kind = 'role' AND a.owner = $1
LIMIT $2;

-- :access_key_used
UPDATE access_keys SET last_used_ms = $2 WHERE id = $1 AND last_used_ms <= $3;
