// Package demo is a small web page that people can log in to: what package session does, to be seen and clicked. It is HTML and CSS
// without a script, and every form answers with a redirect.
//
// It is also meant to be read: handlers.go is what a program of one's own does with a session, options.go how it sets one up, and the
// other files are the page.
package demo
