// Package peers measures what a request costs behind package session and behind other session managers, in one run and in turns, above the
// bare handler and the store's own calls:
//
//	go test -run '^$' -bench . -benchtime 1x ./peers
//
// All of them keep the same five fields. Ours and alexedwards/scs keep them in this process's memory; gorilla/sessions keeps them once in
// the cookie itself and once in a file.
package peers
