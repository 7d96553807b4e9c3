// Package cleanup runs the cleanup of a store as a job: once ([Run], for cron and for the command larder cleanup) or again and
// again ([Loop], for a program that holds its store itself, as one with a bbolt file or a [store.Map] must).
//
//	go cleanup.Loop(ctx, s, &cleanup.Options{Interval: time.Minute})
//
// The caller starts Loop and ends it through its context. No goroutine outlives a call.
//
// # What goes
//
// What is absent by the store's own [store.Expiry], and with [Options.Idle], what nobody has used for that long. The store
// judges, in the very step that removes, so any number of jobs may run at once, on one machine or on many: what one has removed
// another does not find, and what is used meanwhile stays.
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
// through the context a little later: after a tenth of MaxTime, at most a second. The next run goes on where this one stopped, since what is removed is
// removed. [Options.Grace] does the same for the end of the context.
//
// # Lease
//
// Many hosts may have the same timer. With [Options.Lease] one of them works, and the others get [ErrLeased] at once. The lease is one entry of the
// store itself, under a key that no list shows and no sweep takes ([store.Reserved]); it needs a store that can swap, and nothing else. It is
// written by a Swap of the version that was read, so of all who find it free one gets it. The holder renews it four times in its life, and stops by itself
// ([ErrLeaseLost]) where it cannot: by then nobody else has it yet.
//
// Clocks may differ by 30 seconds. For others than its holder a lease lasts a minute longer than it says, so neither a holder whose clock is
// behind nor a taker whose clock is ahead makes two of one. A host that dies with the lease keeps it for that long: [DefaultLease] and a minute, two
// where the clocks differ in the worst way.
//
// The lease saves work and keeps cleanups from competing. What it does not do is make a cleanup safe, since every one is: should two of them run
// after all, as when a clock is off by more, nothing is removed that should stay. So where the lease cannot be had since the disk is full, or since of
// several nodes the one that would have it is down, the sweep goes on without it.
//
// A run with a lease leaves its report beside it. [Last] reads that: when a cleanup ran, where, what it did, and when one last had no error.
// A prefixed sweep takes the same lease; a view by [store.Prefix] has one of its own.
//
// # Watching
//
// [Report.Backlog] says how much is left, and [Report.Lag] how late the run came. A backlog that grows from run to run means that the runs are too short or
// too rare; a lag of more than the time between two runs, that some did not happen.
package cleanup
