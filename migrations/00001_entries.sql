-- The table of entries. Statements stand apart by StatementBegin and StatementEnd, since a table's name may hold a semicolon.

-- +goose Up
-- +goose StatementBegin
CREATE TABLE IF NOT EXISTS larder_entries (
    key     bytea       PRIMARY KEY,
    value   bytea       NOT NULL,
    atime   timestamptz NOT NULL,
    expires timestamptz,
    version bytea       NOT NULL
);
-- +goose StatementEnd
-- +goose StatementBegin
COMMENT ON TABLE larder_entries IS 'Entries of a Larder store; rows go by larder cleanup';
-- +goose StatementEnd
-- +goose StatementBegin
COMMENT ON COLUMN larder_entries.key IS 'UTF-8, as bytes: no collation and no padding makes two keys one';
-- +goose StatementEnd
-- +goose StatementBegin
COMMENT ON COLUMN larder_entries.atime IS 'Last use as recorded; a use shortly after another is not recorded';
-- +goose StatementEnd
-- +goose StatementBegin
COMMENT ON COLUMN larder_entries.expires IS 'Absolute deadline; null: none';
-- +goose StatementEnd
-- +goose StatementBegin
COMMENT ON COLUMN larder_entries.version IS 'Random, drawn by the writer; a use does not change it';
-- +goose StatementEnd

-- +goose Down
-- +goose StatementBegin
DROP TABLE IF EXISTS larder_entries;
-- +goose StatementEnd
