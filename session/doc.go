// Package session keeps HTTP sessions in any [store.Store]: files, Postgres, Redis or memcached today and another one tomorrow.
//
//	m, err := session.New(s, nil)
//	http.ListenAndServe(addr, m.Handler(mux))
//
//	func count(w http.ResponseWriter, r *http.Request) {
//		sess := session.From(r.Context())
//		visits, _ := session.Get[int](sess, "visits")
//		sess.Set("visits", visits+1)
//		fmt.Fprintln(w, visits+1)
//	}
//
// # When the store is asked
//
// A request that never asks for its session costs no store call, and neither does one without a token or with one that this manager did
// not sign. The first method that needs the session loads it: one Load, and where it has a subject another one of the subject's entry. It
// is saved once, before the first byte of the response, and only if something has changed: one Swap. Nothing is stored, and no cookie
// sent, before something is set. Last use is written when what is recorded is older than TouchAfter.
//
// # Logging in and out
//
// After checking the password, call [Session.SetSubject] with the user's id. It gives the session a new id and makes the old one
// worthless. [Session.Destroy] logs out, [Manager.RevokeAll] logs the user out everywhere, by one Delete, and [Manager.Revoke] signs one
// device out. All of them are done in the store when they return, and nothing that is under way elsewhere undoes them.
//
// # Several requests at once
//
// Each request changes its own copy, and a save merges, field by field, what it has changed into what the others have stored meanwhile.
// So two tabs that set different fields both win. Of two that set the same field the last one wins, or [Options].Merge says what becomes
// of it: [Sum] for a counter, [MergeFunc] for a cart. Where the session was destroyed or logged in meanwhile, a request that changes it
// gets [ErrEnded], which is a 409 without a cookie; one that only reads is served. What is set while the session is being revoked may be
// stored, where nobody reads it.
//
// Stores without Swap (see [store.CanSwap]) keep this within one process only; between processes the last save wins, and can bring a
// session back that another process has just destroyed.
//
// # When the store does not answer
//
// An outage is not a logout: no request gets a new session or has its cookie cleared because of it. Whoever needs the session is answered
// 503 in place of what the handler writes, or with the policy [Anonymous] sees an empty session that cannot be changed. A handler that
// does something that must not be done twice, or not by a stranger, looks at [Session.Err] first, or calls [Session.Save].
//
// The answer that takes the place of the handler's takes it whole: the header goes back to what middleware outside had set, so a
// cookie of the handler's goes too, and what the handler writes is refused with the reason, so that a stream or a copy ends. An
// operation that was cut off may have happened: a save, whole; a login, with the answer that carried the new id, and then the user
// logs in again.
//
// # Streams
//
// Flush, Hijack, ReadFrom (sendfile) and [http.ResponseController] work as without the session. The first byte, Flush or Hijack saves
// it, an informational answer (103) does not. What needs a new id afterwards is [ErrTooLate]; other changes are saved by
// [Session.Save], or when the handler returns. Who hijacks writes the header himself: the cookie is in that of the ResponseWriter. A
// stream that outlives Idle calls Save now and then, which keeps the session alive. A panic that passes through saves nothing more.
//
// Put [http.TimeoutHandler] outside: inside, its answer waits for the session when the store does.
//
// # Times
//
// A session ends when nobody has used it for Idle, at most TouchAfter later, and in any case at its deadline, Lifetime after the login or
// else the first save. Both stand in its record, and the manager enforces them. Each record also carries the time of its end as the
// entry's deadline, so that a cleanup job without idle time (larder cleanup) removes what is over, on every backend. The time-out of the
// store, if it has one, must not be shorter than Idle; New refuses that where the store can tell.
//
// # Tokens and records
//
// An id is 256 random bits. The client carries it with a MAC, and the store sees only its SHA-256, so who reads the store can be nobody,
// and a token that was not made here is refused before the store is asked. An id that nobody was given is never adopted. The formats are
// described at the top of record.go and token.go.
//
// # Limits
//
// A session is read and written whole: keep it to a few kilobytes, and in any case below what the store takes (1,000,000 bytes
// everywhere). A subject's list of devices is one entry too.
package session
