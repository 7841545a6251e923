-- Thing types, thing groups with their hierarchy, billing groups, tags, and
-- when a thing was last seen.

CREATE TABLE thing_types (
    seq INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    id TEXT NOT NULL,
    description TEXT NOT NULL,
    searchable TEXT NOT NULL,  -- JSON list of attribute names, or empty
    mqtt5 TEXT NOT NULL,       -- JSON object, or empty
    deprecated_ms INTEGER NOT NULL, -- 0: in use
    created_ms INTEGER NOT NULL
) STRICT;

-- `root` is the seq of the hierarchy's first group, `depth` counts from 1.
CREATE TABLE thing_groups (
    seq INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    id TEXT NOT NULL,
    parent INTEGER REFERENCES thing_groups (seq),
    root INTEGER NOT NULL,
    depth INTEGER NOT NULL,
    version INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    description TEXT NOT NULL,
    attributes TEXT NOT NULL
) STRICT;
CREATE INDEX thing_groups_parent ON thing_groups (parent, name);

-- A thing's name never changes, so it may stand here for the order of lists.
CREATE TABLE group_things (
    thing INTEGER NOT NULL REFERENCES things (seq) ON DELETE CASCADE,
    thing_group INTEGER NOT NULL REFERENCES thing_groups (seq) ON DELETE CASCADE,
    thing_name TEXT NOT NULL,
    PRIMARY KEY (thing, thing_group)
) STRICT, WITHOUT ROWID;
CREATE INDEX group_things_group ON group_things (thing_group, thing_name);

CREATE TABLE group_policies (
    thing_group INTEGER NOT NULL REFERENCES thing_groups (seq) ON DELETE CASCADE,
    policy INTEGER NOT NULL REFERENCES policies (seq),
    PRIMARY KEY (thing_group, policy)
) STRICT, WITHOUT ROWID;
CREATE INDEX group_policies_policy ON group_policies (policy, thing_group);

CREATE TABLE billing_groups (
    seq INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    id TEXT NOT NULL,
    version INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    description TEXT NOT NULL
) STRICT;

-- `resource` is the end of an ARN: "policy/NAME".
CREATE TABLE tags (
    resource TEXT NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (resource, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE thing_connectivity (
    thing INTEGER NOT NULL PRIMARY KEY REFERENCES things (seq) ON DELETE CASCADE,
    connected INTEGER NOT NULL,
    time_ms INTEGER NOT NULL,
    reason TEXT NOT NULL
) STRICT;

CREATE INDEX things_type ON things (type_name, name) WHERE type_name <> '';
CREATE INDEX things_billing ON things (billing_group, name) WHERE billing_group <> '';
