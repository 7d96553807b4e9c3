// Package interleave lets a test decide in which order the store calls of several clients go.
//
// [Play] runs each client in a goroutine of its own and lets one of them run at a time, from one store call to the next: every call that
// goes through a [Store] with the context of Play waits at a barrier until a [Chooser] picks it. So a schedule, the list of picks, fixes what happens. [Tree]
// goes through all schedules that there are, depth first: how many calls a client makes depends on what the others did before, so the
// tree is only known by walking it. [Random] draws schedules from a seed.
//
// A client that sleeps between two calls, as one does that backs off after a conflict, is waited for: nobody else runs meanwhile, for what an
// interleaving can do to a store is done by the calls alone. In a testing/synctest bubble the sleep costs nothing.
package interleave
