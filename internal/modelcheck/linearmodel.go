package modelcheck

import (
	"fmt"
	"os"
	"testing"

	"github.com/anishathalye/porcupine"

	"github.com/larder-go/larder/store"
)

// entry is the state of one key. Set does not tell the version that it drew, so a version is not known until someone has
// loaded it.
type entry struct {
	found   bool
	value   string
	version store.Version // "": not seen yet
}

var linearModel = porcupine.Model{
	Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
		byKey := make(map[string][]porcupine.Operation)
		for _, op := range history {
			key := op.Input.(call).key
			byKey[key] = append(byKey[key], op)
		}
		var parts [][]porcupine.Operation
		for _, part := range byKey {
			parts = append(parts, part)
		}
		return parts
	},
	Init: func() any { return entry{} },
	Step: func(state, input, output any) (bool, any) {
		ok, next := step(state.(entry), input.(call), output.(answer))
		return ok, next
	},
	DescribeOperation: func(input, output any) string { return fmt.Sprintf("%+v → %+v", input, output) },
	DescribeState:     func(state any) string { return fmt.Sprintf("%+v", state) },
}

// step says whether a store in the state e may answer in with out, and what its state is then. A call that was cut off fits
// wherever it is put, and does what it would have done there.
func step(e entry, in call, out answer) (bool, entry) {
	switch in.op {
	case "get":
		return out.unknown || out.found == e.found && out.value == e.value, e
	case "contains":
		return out.unknown || out.found == e.found, e
	case "load":
		if out.unknown {
			return true, e
		}
		if out.found != e.found || out.value != e.value {
			return false, e
		}
		if e.version == "" {
			e.version = out.version
		}
		return out.version == e.version, e
	case "set":
		return true, entry{found: true, value: in.value}
	case "delete":
		return true, entry{}
	}

	fits := in.old == store.AnyVersion
	if in.old == "" {
		fits = !e.found
	} else if !fits {
		fits = e.found && e.version == in.old
	}
	switch {
	case !out.unknown && out.conflict == fits:
		return false, e
	case !fits:
		return true, e
	case in.gone:
		return true, entry{}
	}
	return true, entry{found: true, value: in.value, version: out.version}
}

// visualize leaves porcupine's picture of the history where a person finds it.
func visualize(t testing.TB, info porcupine.LinearizationInfo) string {
	file, err := os.CreateTemp("", "larder-history-*.html")
	if err != nil {
		return err.Error()
	}
	defer file.Close()
	if err := porcupine.Visualize(linearModel, info, file); err != nil {
		t.Log(err)
	}
	return "see " + file.Name()
}
