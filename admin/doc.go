// Package admin is an [http.Handler] to look inside a store and to sweep it: JSON for programs, and one page for people that keeps itself up to
// date. It is also how the command reaches a store that only one process can hold, a bbolt file or a [store.Map]: `larder cleanup --admin URL`.
//
//	h, err := admin.New(s, &admin.Options{Title: "shop, production"})
//	mux.Handle("/admin/", requireOperator(http.StripPrefix("/admin", h)))
//
// It mounts on any path that ends with a slash, with [http.StripPrefix] or without (then not on one that ends with /stat/ or another
// of its own names): all its addresses are relative, and only the end of the path is looked at.
//
// # Who may
//
// THE HANDLER ASKS NOBODY WHO HE IS. Mount it behind whatever lets operators into your program, or serve it on a unix socket that only they can
// open. Of itself it refuses everything that is not allowed: it is read-only unless [Options.AllowWrites], and then takes writes from its own
// page and from programs only ([http.CrossOriginProtection]); on a loopback address it answers only to the names of this machine
// ([Options.Hosts]), or any web page could reach it by a name that points there.
//
// # What is shown
//
// Never a value, and no whole key: keys are bearer tokens, so they are cut as `larder ls` cuts them. To remove an entry or to go on behind one there
// is an id, which is the key sealed under a secret of this process: it says nothing to others, and nothing after a restart.
//
// # Cost
//
// To count the entries is to list them all. One count at a time serves everybody who asks, it ends after [Options.CountTime] with what it has
// by then, and after it nobody counts for twenty times as long as it took. While nobody looks, nothing is counted.
//
// # Operations per second
//
// A Handler is a [store.Observer]: give the program what [store.Observe] makes of the store and the handler, and the handler the store itself.
//
// docs/admin.md has every address with its fields and errors. Their names are stable.
package admin
