// Package routers shows package session behind the routers that people use, and holds what must work behind each of them: a websocket, a
// stream of events, an answer that fails. The middleware goes around the whole router, m.Handler(router), or into it where the router
// takes middleware of net/http.
package routers
