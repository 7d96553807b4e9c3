// Package cleanup runs the cleanup of a store as a job: once ([Run], for cron and for the command larder cleanup) or again and
// again ([Loop], for a program that holds its store itself, as one with a bbolt file or a [store.Map] must).
//
//	go cleanup.Loop(ctx, s, &cleanup.Options{Interval: time.Minute})
//
// It starts no goroutine: the caller does, and ends it through its context.
//
// # What goes
//
// What is absent by the store's own [store.Expiry], and with [Options.Idle], what nobody has used for that long. The store
// judges, in the very step that removes, so any number of jobs may run at once, on one machine or on many.
//
// # Steering
//
// Batch, Pause, Limit, Prefix and DryRun need a store that can sweep ([store.CanSweep]). On any other the job is one call of
// Cleanup: Batch and Pause, which change the pace and not the result, are then ignored, while Limit, Prefix and DryRun are
// refused with an error that wraps [errors.ErrUnsupported], for without them more would go than was asked.
//
// # Time
//
// [Options.MaxTime] is kept between batches, so that none is begun and thrown away: when it is used up the batch in flight
// ends, and what was removed is in the report. A batch, or a search that finds nothing, that goes on regardless is cut off
// through the context a little later: after a tenth of MaxTime, at most a second.
package cleanup
