-- Groups of users, roles, and IAM policies that several of them share.

CREATE TABLE iam_groups (
    name TEXT NOT NULL PRIMARY KEY,
    created_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE iam_group_members (
    user_name TEXT NOT NULL REFERENCES users (name) ON DELETE CASCADE,
    group_name TEXT NOT NULL REFERENCES iam_groups (name),
    PRIMARY KEY (user_name, group_name)
) STRICT, WITHOUT ROWID;
CREATE INDEX iam_group_members_group ON iam_group_members (group_name, user_name);

-- A role made anew under an old name has another id, so that sessions of the
-- old one end.
CREATE TABLE iam_roles (
    name TEXT NOT NULL PRIMARY KEY,
    id TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    session_max_s INTEGER NOT NULL,
    description TEXT NOT NULL,
    trust TEXT NOT NULL
) STRICT;

CREATE TABLE iam_policies (
    name TEXT NOT NULL PRIMARY KEY,
    created_ms INTEGER NOT NULL,
    modified_ms INTEGER NOT NULL,
    description TEXT NOT NULL,
    document TEXT NOT NULL
) STRICT;

-- owner_kind is 'group' or 'role': users' own policies stand in user_policies.
CREATE TABLE iam_inline_policies (
    owner_kind TEXT NOT NULL,
    owner TEXT NOT NULL,
    name TEXT NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (owner_kind, owner, name)
) STRICT;

-- owner_kind is 'user', 'group' or 'role'.
CREATE TABLE iam_attachments (
    owner_kind TEXT NOT NULL,
    owner TEXT NOT NULL,
    policy_name TEXT NOT NULL REFERENCES iam_policies (name),
    PRIMARY KEY (owner_kind, owner, policy_name)
) STRICT, WITHOUT ROWID;
CREATE INDEX iam_attachments_policy ON iam_attachments (policy_name, owner_kind, owner);
