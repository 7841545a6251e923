-- Which of the servers that share the registry holds the connection.
ALTER TABLE thing_connectivity ADD COLUMN server TEXT NOT NULL DEFAULT '';
