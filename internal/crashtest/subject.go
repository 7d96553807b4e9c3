package crashtest

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/larder-go/larder/store"
)

// Timeout and touchAfter are what every subject must be opened with: [Expiry] holds them. A Swap with an atime older
// than both leaves an entry that is absent at once, as the mix of operations wants it; and every use is recorded.
const (
	timeout    = time.Hour
	touchAfter = -1
)

// Expiry is what [Subject.Open] must pass on to the store.
func Expiry() store.Expiry { return store.Expiry{Timeout: timeout, TouchAfter: touchAfter} }

// Opened is a store with what the writers need of it.
type Opened interface {
	store.Swapper
	store.Toucher
	store.Lister
	io.Closer
}

// Subject is a kind of store to crash. Open must give the same store for the same dir, with [Expiry].
type Subject struct {
	Name    string
	Open    func(dir string) (Opened, error)
	Procs   int // writer processes at a time
	Workers int // goroutines in each, with keys of their own

	// Temps lists the temporary files below dir; nil: the kind has none. Each killed worker may leave TempsPerWorker of them (0: one),
	// and a cleanup must remove those that are old.
	Temps          func(dir string) ([]string, error)
	TempsPerWorker int

	// Verify looks at the structure of what lies in dir while nobody has it open; nil: nothing to look at.
	Verify func(dir string) error
}

// Campaign is one series of crashes of one store.
type Campaign struct {
	Subject Subject
	Seed    uint64
	Cycles  int    // kills or cuts
	Dir     string // empty; for [Cuts], where the image and the mount point are made
	Options string // mount options of [Cuts]; "" is ext4's default
}

// Kinds of [Finding].
const (
	Lost     = "lost"     // an acknowledged write is not there
	Torn     = "torn"     // a value that nobody wrote, or ErrCorrupt
	Returned = "returned" // an acknowledged removal was undone, or a dead entry revived
	Ghost    = "ghost"    // a value that was never begun, or later than all that was begun
	Broken   = "broken"   // an operation, an open or a look at the structure failed
	Litter   = "litter"   // temporary files that should not be there
)

// Finding is one broken promise.
type Finding struct {
	Kind    string
	Cycle   int
	Key     string // the harness's own key, no secret
	Detail  string
	History []string // what happened to the key, oldest first
}

func (f Finding) String() string {
	text := fmt.Sprintf("cycle %d: %s: %s: %s", f.Cycle, f.Kind, f.Key, f.Detail)
	if len(f.History) > 0 {
		text += "\n\t" + strings.Join(f.History, "\n\t")
	}
	return text
}

// Report is what a campaign did. It ends with the first cycle that finds something.
type Report struct {
	Cycles   int // crashes, each with a check after it
	Killed   int // processes killed
	Acked    int // writes acknowledged
	Pending  int // writes begun and cut off
	Temps    int // temporary files that crashes left, all swept
	Checked  int // keys looked at
	Findings []Finding
}

// Add sums reports.
func (r *Report) Add(o Report) {
	r.Cycles += o.Cycles
	r.Killed += o.Killed
	r.Acked += o.Acked
	r.Pending += o.Pending
	r.Temps += o.Temps
	r.Checked += o.Checked
	r.Findings = append(r.Findings, o.Findings...)
}

func (r Report) String() string {
	return fmt.Sprintf("%d crashes, %d processes killed, %d writes acknowledged, %d cut off, %d temporary files swept, %d keys checked, %d findings",
		r.Cycles, r.Killed, r.Acked, r.Pending, r.Temps, r.Checked, len(r.Findings))
}
