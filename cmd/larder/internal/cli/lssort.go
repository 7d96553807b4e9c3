package cli

import (
	"cmp"
	"container/heap"
	"sort"

	"github.com/larder-go/larder/store"
	"github.com/spf13/cobra"
)

const (
	sortIdle = "idle"
	sortSize = "size"

	// sortLimit is how many entries --sort lists unless told otherwise: it holds those in memory, a key of up to 1,024 bytes each.
	sortLimit = 1000
)

type lsFlags struct {
	full         bool
	prefix, sort string
	limit        int
}

// check looks at the flags and fills in what they leave open.
func (f *lsFlags) check(c *cobra.Command, args []string) error {
	if len(args) > 0 {
		if c.Flags().Changed("prefix") && f.prefix != args[0] {
			return usage("give one of them", "two prefixes: the argument and --prefix")
		}
		f.prefix = args[0]
	}
	switch {
	case f.limit <= 0 && c.Flags().Changed("limit"):
		return usage("leave the flag out if you mean none", "--limit %d: it must be greater than zero", f.limit)
	case f.sort != sortIdle && f.sort != sortSize && c.Flags().Changed("sort"):
		return usage("write --sort idle or --sort size", "--sort %q: there is no such order", store.Redact(f.sort))
	case f.sort != "" && f.limit == 0:
		f.limit = sortLimit
	}
	return nil
}

// top keeps the first entries of an order, however many there are: a heap whose root is the last of them. nil keeps none.
type top struct {
	limit   int
	by      func(a, b store.Info) int
	entries []store.Info
}

func newTop(f *lsFlags) *top {
	switch f.sort {
	case sortIdle:
		return &top{limit: f.limit, by: byIdle}
	case sortSize:
		return &top{limit: f.limit, by: bySize}
	}
	return nil
}

// byIdle puts first what was not used for longest, and last what the store does not tell of. Keys make the order one.
func byIdle(a, b store.Info) int {
	if a.Atime.IsZero() != b.Atime.IsZero() {
		if a.Atime.IsZero() {
			return 1
		}
		return -1
	}
	return cmp.Or(a.Atime.Compare(b.Atime), cmp.Compare(a.Key, b.Key))
}

func bySize(a, b store.Info) int {
	return cmp.Or(cmp.Compare(b.Size, a.Size), cmp.Compare(a.Key, b.Key))
}

func (t *top) Len() int           { return len(t.entries) }
func (t *top) Less(i, j int) bool { return t.by(t.entries[i], t.entries[j]) > 0 }
func (t *top) Swap(i, j int)      { t.entries[i], t.entries[j] = t.entries[j], t.entries[i] }
func (t *top) Push(x any)         { t.entries = append(t.entries, x.(store.Info)) }

func (t *top) Pop() any {
	last := t.entries[len(t.entries)-1]
	t.entries = t.entries[:len(t.entries)-1]
	return last
}

// add takes the entry over, and returns false where nothing is to be sorted.
func (t *top) add(info store.Info) bool {
	switch {
	case t == nil:
		return false
	case len(t.entries) < t.limit:
		heap.Push(t, info)
	case t.by(info, t.entries[0]) < 0:
		t.entries[0] = info
		heap.Fix(t, 0)
	}
	return true
}

// sorted returns what was kept, in order.
func (t *top) sorted() []store.Info {
	if t == nil {
		return nil
	}
	sort.Sort(sort.Reverse(t))
	return t.entries
}
