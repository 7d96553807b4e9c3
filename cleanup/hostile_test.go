package cleanup

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/larder-go/larder/store"
)

// TestHostileReport: a report that somebody else has written is carried over from run to run, and must not make the lease one that nobody can read.
func TestHostileReport(t *testing.T) {
	for _, letter := range []string{"<", "x", "\\u0001", "é", "\\u2028"} {
		for _, field := range []string{"host", "reason", "prefix"} {
			synctest.Test(t, func(t *testing.T) {
				m := store.NewMap(nil)
				value := `{"last":{"start":"2026-01-01T00:00:00Z","` + field + `":"` + strings.Repeat(letter, 60_000/len(letter)) + `"}}`
				if err := m.Set(t.Context(), store.ReservedKey("cleanup"), []byte(value)); err != nil {
					t.Fatal(err)
				}
				last, err := Last(t.Context(), m)
				if err != nil || len(last.Host)+len(last.Reason)+len(last.Prefix) > store.MaxKeyLen || strings.ContainsRune(last.Host+string(last.Reason)+last.Prefix, '\uFFFD') {
					t.Errorf("%d bytes of host, %d of reason, %d of prefix, %v", len(last.Host), len(last.Reason), len(last.Prefix), err)
				}
				if _, err := take(t.Context(), m, time.Minute, time.Now); err != nil {
					t.Fatal(err)
				}
				if _, err := take(t.Context(), m, time.Minute, time.Now); !errors.Is(err, ErrLeased) {
					t.Errorf("a second one has the lease: %v", err)
				}
			})
		}
	}
}

func TestReportWithoutRoom(t *testing.T) {
	r := record{Holder: "h", Last: &wireRun{Host: strings.Repeat("<", maxRecord-1000)}}
	if value, err := r.encode(); err != nil || len(value) > maxRecord || !strings.Contains(string(value), "<<") {
		t.Errorf("%d bytes, %v", len(value), err)
	}
	r.Last.Prefix = r.Last.Host
	if value, err := r.encode(); string(value) != `{"holder":"h"}` || err != nil {
		t.Errorf("%.100s, %v", value, err)
	}
}
