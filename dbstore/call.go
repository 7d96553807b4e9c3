package dbstore

import (
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"time"

	"github.com/larder-go/larder/store"
)

// call is one statement with its parameters and what came of it. It goes by pgconn and not by pgx's Query, whose nine allocations are more
// than all that a Get does besides.
type call struct {
	params [][]byte
	array  [6][]byte // params are a piece of it
	buf    []byte    // what is not the caller's, keys and times, stands here
	scan   func(c *call, columns [][]byte)
	grace  time.Duration // left to a statement that the end of the context finds under way

	peer     uint32 // the process that served us, by what it called itself
	affected int64
	state    int // of the entry
	item     store.Item
	page     []listed
	swept    []swept
}

// newCall begins a call, with key as its first parameter. Calls are used again: see free.
func (s *Store) newCall(key string) *call {
	c, _ := s.calls.Get().(*call)
	if c == nil {
		c = &call{}
	}
	if c.buf == nil {
		c.buf = make([]byte, 0, 256)
	}
	c.params = c.array[:0]
	c.buf = append(c.buf, key...)
	c.params = append(c.params, c.buf)
	return c
}

// largestKept is the largest buffer that a call keeps for the next.
const largestKept = 4 << 10

func (s *Store) free(c *call) {
	buf := c.buf[:0]
	if cap(buf) > largestKept {
		buf = nil
	}
	*c = call{buf: buf}
	s.calls.Put(c)
}

// bytes adds a parameter that is the caller's and is only read.
func (c *call) bytes(b []byte) {
	if b == nil {
		b = []byte{} // nil would be NULL
	}
	c.params = append(c.params, b)
}

// copied adds a parameter that the call keeps itself.
func (c *call) copied(b []byte) {
	start := len(c.buf)
	c.buf = append(c.buf, b...)
	c.params = append(c.params, c.buf[start:])
}

// time adds a time, or NULL for the zero one.
func (c *call) time(t time.Time) {
	if t.IsZero() {
		c.params = append(c.params, nil)
		return
	}
	start := len(c.buf)
	c.buf = appendTime(c.buf, t)
	c.params = append(c.params, c.buf[start:])
}

// scanState reads the first column of a look at an entry.
func scanState(c *call, columns [][]byte) {
	c.state = int(binary.BigEndian.Uint16(columns[0]))
}

func scanValue(c *call, columns [][]byte) {
	scanState(c, columns)
	if c.state > stale {
		return
	}
	c.item.Value = make([]byte, len(columns[1])) // never nil
	copy(c.item.Value, columns[1])
}

func scanItem(c *call, columns [][]byte) {
	scanValue(c, columns)
	c.item.Version = versionText(columns[2])
	c.item.Atime, c.item.Expires = parseTime(columns[3]), parseTime(columns[4])
}

// do runs a statement to its end, as a call of its own.
func (s *Store) do(ctx context.Context, st *statement, c *call) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	w := s.patience.begin(ctx, c.grace)
	defer s.patience.leave(w)
	return s.doWithin(w, st, c)
}

// doWithin runs a statement of a call that has one wait for several: with a connection of the pool, and again where that is safe.
func (s *Store) doWithin(w *wait, st *statement, c *call) error {
	for r := (retries{}); ; {
		at, err := s.attempt(w, st, c)
		if err == nil {
			return nil
		}
		if why := w.why(); why == errNoAnswer {
			return s.cause(why)
		} else if why != nil {
			return why // the context's; store.Wrap says what it means
		}
		if s.closed.Load() {
			return fmt.Errorf("%w: %w", os.ErrClosed, s.cause(err))
		}
		if !s.again(w, st, at, err, &r) {
			return s.cause(err)
		}
	}
}
