-- Things by what they say of themselves: a row for each attribute, so that a search by one reads only what has it.
CREATE TABLE thing_attributes (
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    thing TEXT NOT NULL, -- its name
    PRIMARY KEY (name, value, thing)
) STRICT, WITHOUT ROWID;

INSERT INTO thing_attributes (name, value, thing)
SELECT e.key, e.value, t.name FROM things t, json_each(nullif(t.attributes, '')) e;
