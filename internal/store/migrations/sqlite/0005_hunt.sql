-- +goose Up
CREATE TABLE hunt (
  id TEXT PRIMARY KEY, code TEXT NOT NULL UNIQUE, centre TEXT NOT NULL, title TEXT NOT NULL, why TEXT NOT NULL, vals TEXT NOT NULL,
  rule_text TEXT NOT NULL, by_name TEXT NOT NULL, created INTEGER NOT NULL, until INTEGER NOT NULL, exercise INTEGER NOT NULL
) STRICT;
CREATE INDEX hunt_centre ON hunt (centre, id);
CREATE TABLE hunt_ask (
  hunt TEXT NOT NULL REFERENCES hunt, body TEXT NOT NULL, centre TEXT NOT NULL, body_name TEXT NOT NULL, province TEXT NOT NULL,
  agents INTEGER NOT NULL, outcome TEXT NOT NULL, answers TEXT NOT NULL, answered INTEGER NOT NULL, released INTEGER NOT NULL,
  released_by TEXT NOT NULL, lines TEXT NOT NULL, PRIMARY KEY (hunt, body)
) STRICT;
CREATE INDEX hunt_ask_body ON hunt_ask (body, hunt);
CREATE INDEX hunt_ask_centre ON hunt_ask (centre, hunt);

-- +goose Down
-- Migrations only go forward.
