// Package session keeps HTTP sessions in any [store.Store]: files, Postgres, Redis or memcached today and another one tomorrow.
//
//	m, err := session.New(s, &session.Options{
//		Merge: map[string]session.Merger{"visits": session.Sum[int]()}, // two requests at once are two visits
//	})
//	http.ListenAndServe(addr, m.Handler(mux))
//
//	func count(w http.ResponseWriter, r *http.Request) {
//		sess := session.From(r.Context())
//		visits, _ := session.Get[int](sess, "visits")
//		sess.Set("visits", visits+1)
//		fmt.Fprintln(w, visits+1)
//	}
//
// The repository has a guide (docs/sessions.md), a page on choosing time-outs (docs/timeouts.md), and one that lists the attacks that
// sessions withstand, with the test for each, and what is left to you (docs/security.md).
//
// # When the store is asked
//
// A request that never uses its session costs no store call. Neither does a request without a token, or with a token that this manager
// did not sign. The first method that needs the session loads it: one Load, and a second one, of the subject's entry, if somebody is
// logged in. The session is saved once, before the first byte of the response, and only if something has changed: one Swap. Nothing is
// stored, and no cookie sent, before something is set. The time of last use is written only if the recorded one is older than TouchAfter.
//
// # Logging in and out
//
// After checking the password, call [Session.SetSubject] with the user's id, before any other change of the session. It gives the session
// a new id and makes the old one worthless. [Session.Destroy] logs out, [Manager.RevokeAll] logs the user out everywhere, by one Delete,
// and [Manager.Revoke] signs one device out. When they return without an error, the store has recorded it, and no request that is still
// under way undoes it. [Info].Ended tells you that a client has come back with the token of a session that is over.
//
// # Several requests at once
//
// Each request works on its own copy of the session. A save merges, field by field, what this request has changed into what other
// requests have stored meanwhile. So two tabs that set different fields both win. Of two that set the same field the last one wins, unless
// [Options].Merge says otherwise: [Sum] for a counter, [MergeFunc] for a cart, for example. If the session was destroyed meanwhile, or
// became another one by a login, a request that changes it gets [ErrEnded], which is answered with a 409 and without a cookie; a request
// that only reads is served. What is set while the session is being revoked may be stored, but nothing reads it.
//
// A store without Swap (see [store.CanSwap]) keeps these rules within one process only. Between processes the last save wins, and can
// bring back a session that another process has just destroyed.
//
// # When the store does not answer
//
// An outage is not a logout: it gives nobody a new session and clears nobody's cookie. A request that needs its session is answered with a
// 503 in place of what the handler writes; with the policy [Anonymous] it sees an empty session that cannot be changed. Before a handler
// does something that must not be done twice, or not for a stranger, it should check [Session.Err] or call [Session.Save].
//
// The answer that replaces the handler's replaces all of it. The header is put back to what middleware outside of Handler had set, so
// cookies that the handler set are dropped too. What the handler writes is refused with the reason, so that a stream or a copy ends. An
// operation that was cut off may still have been carried out in the store: a save as a whole; a login, of which the client may never get
// the new id, so that the user logs in again.
//
// # Streams
//
// Flush, Hijack, ReadFrom (sendfile) and [http.ResponseController] work as they do without sessions. The first byte, Flush or Hijack saves
// the session; an informational response (103) does not. After that, whatever needs a new id fails with [ErrTooLate], and other changes
// are saved by [Session.Save] or when the handler returns. If you hijack the connection you write the header yourself, and find the cookie
// in the Header of the ResponseWriter. A stream that lasts longer than Idle must call Save or [Session.Reload] now and then to keep the
// session alive; Reload also tells it of a logout. When a handler panics, nothing more is saved.
//
// Put [http.TimeoutHandler] outside of Handler: inside, its answer has to wait for the session while the store does not answer.
//
// # Times
//
// A session ends when it has not been used for Idle (it may live up to TouchAfter longer), and in any case at its deadline: Lifetime after
// the login, or after the first save if nobody has logged in. Both times are in the session's record, and the manager enforces them. They
// are also the deadline of the record's entry in the store, so a cleanup job that knows nothing of idle times (larder cleanup) removes what
// is over, on every backend, and Redis and memcached do so by themselves. The store needs no time-out of its own. If it has one that is
// shorter than Idle, New refuses the store, provided that the store can tell.
//
// # Tokens and records
//
// An id is 256 random bits. The client gets it together with a MAC, and the store gets only its SHA-256, so nobody can log in with what he
// reads there. A token that was not made here is refused before the store is asked, and an id that was never given out is never
// adopted. The formats are described at the top of record.go and token.go.
//
// # Limits
//
// A session is read and written as a whole. Keep it to a few kilobytes, and in any case below what the store accepts (at least 1,000,000
// bytes). A user's list of devices is one entry too.
package session
