-- Each recorded use moves a row to the young end of the order by atime and leaves a dead entry at the old end, where a cleanup begins. By default
-- they may come to a fifth of the table before they are swept: with 190,000 of 1,000,000, the first page of a cleanup took 17 ms instead of
-- 0.15 ms. At one fiftieth it is a tenth of that. The table for long values follows, as it has no setting of its own.
--
-- Left as they are, after measuring: fillfactor, for an update of atime is never HOT, it is in an index; and the storage of values, for
-- compression costs nothing that shows beside the rest of a write and makes JSON a quarter of its size.

-- +goose Up
-- +goose StatementBegin
ALTER TABLE larder_entries SET (autovacuum_vacuum_scale_factor = 0.02);
-- +goose StatementEnd

-- +goose Down
-- +goose StatementBegin
ALTER TABLE IF EXISTS larder_entries RESET (autovacuum_vacuum_scale_factor);
-- +goose StatementEnd
