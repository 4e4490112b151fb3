-- +goose Up
CREATE TABLE section (
  province TEXT PRIMARY KEY, centre TEXT NOT NULL, seat TEXT NOT NULL, district BOOLEAN NOT NULL, seen BOOLEAN NOT NULL
);

-- +goose Down
-- Migrations only go forward.
