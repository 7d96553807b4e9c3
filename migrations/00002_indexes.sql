-- The two orders in which a cleanup finds what is to go, so that it costs what it removes.

-- +goose Up
-- +goose StatementBegin
CREATE INDEX IF NOT EXISTS larder_entries_atime_idx ON larder_entries (atime);
-- +goose StatementEnd
-- +goose StatementBegin
CREATE INDEX IF NOT EXISTS larder_entries_expires_idx ON larder_entries (expires) WHERE expires IS NOT NULL;
-- +goose StatementEnd

-- +goose Down
-- +goose StatementBegin
DROP INDEX IF EXISTS larder_entries_expires_idx;
-- +goose StatementEnd
-- +goose StatementBegin
DROP INDEX IF EXISTS larder_entries_atime_idx;
-- +goose StatementEnd
