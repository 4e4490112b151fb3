-- +goose Up
CREATE TABLE person (
  id TEXT PRIMARY KEY, login TEXT NOT NULL UNIQUE, name TEXT NOT NULL, language TEXT NOT NULL, password TEXT NOT NULL,
  totp TEXT NOT NULL, totp_used INTEGER NOT NULL, subject TEXT NOT NULL, disabled INTEGER NOT NULL, created INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX person_subject ON person (subject) WHERE subject <> '';
CREATE TABLE mandate (
  id TEXT PRIMARY KEY, person TEXT NOT NULL REFERENCES person, kind TEXT NOT NULL, role TEXT NOT NULL, body TEXT NOT NULL,
  centre TEXT NOT NULL, title TEXT NOT NULL, from_day TEXT NOT NULL, until_day TEXT NOT NULL
) STRICT;
CREATE INDEX mandate_person ON mandate (person);
CREATE INDEX mandate_body ON mandate (body);
CREATE INDEX mandate_centre ON mandate (centre);
CREATE TABLE invitation (
  id TEXT PRIMARY KEY, hash TEXT NOT NULL UNIQUE, mandate TEXT NOT NULL, by_name TEXT NOT NULL, created INTEGER NOT NULL,
  expires INTEGER NOT NULL, used INTEGER NOT NULL
) STRICT;
CREATE TABLE recovery (person TEXT NOT NULL REFERENCES person, hash TEXT NOT NULL, PRIMARY KEY (person, hash)) STRICT;
CREATE TABLE session (
  id TEXT PRIMARY KEY, hash TEXT NOT NULL UNIQUE, person TEXT NOT NULL REFERENCES person, mandate TEXT NOT NULL,
  strong INTEGER NOT NULL, user_agent TEXT NOT NULL, address TEXT NOT NULL, created INTEGER NOT NULL, seen INTEGER NOT NULL
) STRICT;
CREATE INDEX session_person ON session (person);
CREATE TABLE passkey (
  id TEXT PRIMARY KEY, person TEXT NOT NULL REFERENCES person, name TEXT NOT NULL, key_id TEXT NOT NULL UNIQUE,
  data BLOB NOT NULL, created INTEGER NOT NULL, used INTEGER NOT NULL
) STRICT;
CREATE TABLE tries (key TEXT PRIMARY KEY, count INTEGER NOT NULL, last INTEGER NOT NULL) STRICT;
CREATE TABLE token (
  id TEXT PRIMARY KEY, hash TEXT NOT NULL UNIQUE, person TEXT NOT NULL, mandate TEXT NOT NULL, name TEXT NOT NULL,
  created INTEGER NOT NULL, used INTEGER NOT NULL, revoked INTEGER NOT NULL
) STRICT;

-- +goose Down
-- Migrations only go forward.
