-- +goose Up
ALTER TABLE finding ADD COLUMN released INTEGER NOT NULL DEFAULT 0;
ALTER TABLE finding ADD COLUMN released_by TEXT NOT NULL DEFAULT '';
ALTER TABLE finding ADD COLUMN sent TEXT NOT NULL DEFAULT '';

-- +goose Down
-- Migrations only go forward.
