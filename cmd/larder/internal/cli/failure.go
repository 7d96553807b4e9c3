package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"

	"github.com/larder-go/larder/boltstore"
	"github.com/larder-go/larder/cleanup"
	"github.com/larder-go/larder/dbstore"
	"github.com/larder-go/larder/store"
)

// The exit codes. They are a promise to scripts: none changes its meaning.
const (
	exitDone        = 0
	exitError       = 1
	exitUsage       = 2
	exitPartial     = 3
	exitNoKey       = 4
	exitNoStore     = 10
	exitLocked      = 11
	exitBudget      = 12
	exitInterrupted = 130
)

// exitMeaning is the table that --help prints.
func exitMeaning(code int) string {
	switch code {
	case exitDone:
		return "done, or nothing to do"
	case exitError:
		return "an error"
	case exitUsage:
		return "wrong command line, environment or key; or the store cannot do this"
	case exitPartial:
		return "done for some, failed for others; or doctor has found something wrong"
	case exitNoKey:
		return "no such key"
	case exitNoStore:
		return "no such store"
	case exitLocked:
		return "another process has the store locked, or is cleaning it up by --lease"
	case exitBudget:
		return "the time budget was used up, something is left"
	case exitInterrupted:
		return "interrupted by SIGINT or SIGTERM"
	}
	return ""
}

// failure is an error with its exit code and with what the user can do about it.
type failure struct {
	code int
	err  error
	hint string
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

// usage is the failure of a command line that is wrong.
func usage(hint, format string, args ...any) *failure {
	return &failure{exitUsage, fmt.Errorf(format, args...), hint}
}

// explain finds the exit code of any error, and the advice that goes with it.
func explain(err error) *failure {
	var f *failure
	switch {
	case errors.As(err, &f):
		return f
	case errors.Is(err, context.Canceled):
		return &failure{exitInterrupted, errors.New("interrupted"), "what was done until then stays done; run it again for the rest"}
	case errors.Is(err, store.ErrNotFound):
		return &failure{exitNoKey, errors.New("no such key"), "larder ls --full shows the keys that there are"}
	case errors.Is(err, boltstore.ErrLocked):
		return &failure{exitLocked, errors.New("another process holds the bbolt file, and only one can"),
			"stop that process and run this again, or let it clean up by itself: cleanup.Loop does so inside a program"}
	case errors.Is(err, cleanup.ErrLeased):
		return &failure{exitLocked, err, "nothing need be done: one of all hosts works at a time. A dead one's lease ends by itself"}
	case errors.Is(err, cleanup.ErrBudget):
		return &failure{exitBudget, errors.New("the time budget of --max-time is used up, something is left"),
			"what was removed stays removed; run it again, or give it longer"}
	case errors.Is(err, dbstore.ErrNoTable):
		return &failure{exitNoStore, err, "larder migrate up makes the table; x-table and x-schema in the store's URL name another"}
	case errors.Is(err, store.ErrInvalidKey):
		return &failure{exitUsage, err, fmt.Sprintf("a key is UTF-8 text of 1 to %d bytes without NUL", store.MaxKeyLen)}
	case errors.Is(err, store.ErrTooLarge):
		return &failure{exitError, err, "the old value stays; raise the limit with ?x-max-value=BYTES in the store's URL"}
	case errors.Is(err, store.ErrCorrupt):
		return &failure{exitError, err, "larder rm KEY removes the entry, larder set KEY replaces it"}
	case errors.Is(err, errors.ErrUnsupported):
		return &failure{exitUsage, err, "this kind of store cannot do that"}
	case errors.Is(err, fs.ErrPermission):
		return &failure{exitError, err, "run it as the user who owns the store"}
	case errors.Is(err, syscall.ENOSPC):
		return &failure{exitError, err, "free some space; larder cleanup may, which needs none itself"}
	case errors.Is(err, syscall.ECONNREFUSED):
		return &failure{exitError, err, "nothing listens there: look whether the server runs, and at host and port in the store's URL"}
	case errors.Is(err, store.ErrUnavailable):
		return &failure{exitError, err, "look whether the store's server or file system is there, and try again"}
	case errors.Is(err, os.ErrNotExist):
		return &failure{exitError, err, "look at the spelling of the path"}
	}
	return &failure{exitError, err, adviceOfLastResort}
}

// adviceOnCorrupt is for a list: it cannot say which keys they are, as a damaged entry may not tell its own.
const adviceOnCorrupt = "what is damaged may not tell its key: setting or removing the key mends it, " +
	"larder cleanup --idle DUR without --prefix removes it by its age"

const adviceOfLastResort = "larder help tells how each command is used"

// complaint is the JSON object on stderr.
type complaint struct {
	Error string `json:"error"`
	Code  int    `json:"code"`
	Hint  string `json:"hint"`
}

// complain shows f: always, also under --quiet.
func (a *app) complain(f *failure, asJSON bool) {
	text := a.redact(f.Error())
	if asJSON {
		if line, err := marshal(complaint{text, f.code, f.hint}); err == nil {
			a.stderr.Write(line)
			return
		}
	}
	fmt.Fprintf(a.stderr, "larder: %s\n", printable(text))
	if f.hint != "" {
		fmt.Fprintf(a.stderr, "  hint: %s\n", f.hint)
	}
}

// redact is the last fence: stores hide passwords by themselves.
func (a *app) redact(text string) string {
	if a.secret == "" {
		return text
	}
	return strings.ReplaceAll(text, a.secret, store.Redact(a.secret))
}
