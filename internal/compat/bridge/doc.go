// Package bridge takes over who is logged in by another session manager, so that a site can change to package session without logging
// everybody out. It is the code of docs/from-others.md, and holds that page to the names that the other managers really have.
package bridge
