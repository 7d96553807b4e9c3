package demo

import (
	"log/slog"
	"time"

	"github.com/larder-go/larder/session"
)

// Prefix begins all keys of the demo: the store may be one that holds other things.
const Prefix = "larder-demo:"

// The times are shorter than most sites have them, so that they can be seen to end.
const (
	idle        = 30 * time.Minute
	lifetime    = 12 * time.Hour
	rememberFor = 30 * 24 * time.Hour
)

// LeastTimeout is the shortest time-out of a store that the demo can do with: in less nobody gets from one page to the next.
const LeastTimeout = time.Minute

const (
	visitsField = "visits"
	cartField   = "cart"
)

// sessionOptions are those of the demo's sessions, in a store that forgets what is idle for timeout; 0: never. There are no Keys: the
// MAC key is kept in the store, so that a restart logs nobody out.
func sessionOptions(timeout time.Duration, logger *slog.Logger) *session.Options {
	o := &session.Options{
		Prefix:      Prefix,
		Idle:        idle,
		Lifetime:    lifetime,
		RememberFor: rememberFor,
		// Plain http, on this machine. Browsers know cookies by host and not by port: the name keeps those of other programs apart, and the
		// store's mark behind it those of other demos.
		Cookie: session.Cookie{Name: "larder-demo", Insecure: true},
		Merge: map[string]session.Merger{
			visitsField: session.Sum[int](),
			cartField:   session.MergeFunc(mergeCarts),
		},
		Devices:     true,
		MaxSessions: 10,
		Label:       deviceLabel,
		Error:       sessionFailed,
		Logger:      logger,
	}
	if timeout > 0 { // a session cannot outlive its record
		o.Idle, o.RememberFor = min(o.Idle, timeout), min(o.RememberFor, timeout)
	}
	return o
}
