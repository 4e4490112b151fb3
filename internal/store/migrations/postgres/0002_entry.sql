-- +goose Up
CREATE TABLE person (
  id TEXT PRIMARY KEY, login TEXT NOT NULL UNIQUE, name TEXT NOT NULL, language TEXT NOT NULL, password TEXT NOT NULL,
  totp TEXT NOT NULL, totp_used BIGINT NOT NULL, subject TEXT NOT NULL, disabled BIGINT NOT NULL, created BIGINT NOT NULL
);
CREATE UNIQUE INDEX person_subject ON person (subject) WHERE subject <> '';
CREATE TABLE mandate (
  id TEXT PRIMARY KEY, person TEXT NOT NULL REFERENCES person, kind TEXT NOT NULL, role TEXT NOT NULL, body TEXT NOT NULL,
  centre TEXT NOT NULL, title TEXT NOT NULL, from_day TEXT NOT NULL, until_day TEXT NOT NULL
);
CREATE INDEX mandate_person ON mandate (person);
CREATE INDEX mandate_body ON mandate (body);
CREATE INDEX mandate_centre ON mandate (centre);
CREATE TABLE invitation (
  id TEXT PRIMARY KEY, hash TEXT NOT NULL UNIQUE, mandate TEXT NOT NULL, by_name TEXT NOT NULL, created BIGINT NOT NULL,
  expires BIGINT NOT NULL, used BIGINT NOT NULL
);
CREATE TABLE recovery (person TEXT NOT NULL REFERENCES person, hash TEXT NOT NULL, PRIMARY KEY (person, hash));
CREATE TABLE session (
  id TEXT PRIMARY KEY, hash TEXT NOT NULL UNIQUE, person TEXT NOT NULL REFERENCES person, mandate TEXT NOT NULL,
  strong BOOLEAN NOT NULL, user_agent TEXT NOT NULL, address TEXT NOT NULL, created BIGINT NOT NULL, seen BIGINT NOT NULL
);
CREATE INDEX session_person ON session (person);
CREATE TABLE passkey (
  id TEXT PRIMARY KEY, person TEXT NOT NULL REFERENCES person, name TEXT NOT NULL, key_id TEXT NOT NULL UNIQUE,
  data BYTEA NOT NULL, created BIGINT NOT NULL, used BIGINT NOT NULL
);
CREATE TABLE tries (key TEXT PRIMARY KEY, count BIGINT NOT NULL, last BIGINT NOT NULL);
CREATE TABLE token (
  id TEXT PRIMARY KEY, hash TEXT NOT NULL UNIQUE, person TEXT NOT NULL, mandate TEXT NOT NULL, name TEXT NOT NULL,
  created BIGINT NOT NULL, used BIGINT NOT NULL, revoked BIGINT NOT NULL
);

-- +goose Down
-- Migrations only go forward.
