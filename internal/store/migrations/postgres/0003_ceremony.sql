-- +goose Up
-- What a passkey or OpenID Connect exchange must remember between its two halves.
CREATE TABLE ceremony (id TEXT PRIMARY KEY, data TEXT NOT NULL, expires BIGINT NOT NULL);

-- +goose Down
-- Migrations only go forward.
