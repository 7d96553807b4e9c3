package peers

import (
	"encoding/gob"
	"net/http"
	"slices"
	"testing"
	"time"
)

// fields are what every session holds.
type fields struct {
	name    string
	count   int64
	admin   bool
	roles   []string
	created time.Time
}

func someFields() fields {
	return fields{"Ada Lovelace", 41, true, []string{"baker", "cook", "steward"}, time.Date(2026, 11, 22, 9, 30, 0, 0, time.UTC)}
}

func (f fields) equal(g fields) bool {
	return f.name == g.name && f.count == g.count && f.admin == g.admin && slices.Equal(f.roles, g.roles) && f.created.Equal(g.created)
}

// work is what a handler does with the session.
type work int

const (
	nothing work = iota // does not look at it
	readOne             // reads the name
	readAll             // reads the five fields
	modify              // reads the name, adds one to the count, and saves
)

var works = []work{nothing, readOne, readAll, modify}

func (w work) String() string { return [...]string{"nothing", "read-one", "read", "modify"}[w] }

// answer is what every handler sends: the same bytes, so that nobody pays for more.
var answer = []byte("ok\n")

// bare is the handler without any session.
func bare() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Write(answer) })
}

// sink is a ResponseWriter that costs next to nothing and can be used again.
type sink struct {
	header http.Header
	status int
	bytes  int
}

func (s *sink) Header() http.Header         { return s.header }
func (s *sink) WriteHeader(status int)      { s.status = status }
func (s *sink) Write(p []byte) (int, error) { s.bytes += len(p); return len(p), nil }
func (s *sink) reset()                      { clear(s.header); s.status, s.bytes = 0, 0 }

func TestMain(m *testing.M) {
	gob.Register([]string{}) // scs and gorilla/sessions need to be told
	gob.Register(time.Time{})
	m.Run()
}
