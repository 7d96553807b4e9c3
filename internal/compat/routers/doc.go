// Package routers shows package session behind the routers that people use.
package routers
