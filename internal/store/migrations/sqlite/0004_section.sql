-- +goose Up
CREATE TABLE section (
  province TEXT PRIMARY KEY, centre TEXT NOT NULL, seat TEXT NOT NULL, district INTEGER NOT NULL, seen INTEGER NOT NULL
) STRICT;

-- +goose Down
-- Migrations only go forward.
