package memstore

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// fake is a server that understands exactly the commands that this package means to send, keeps what it is told, and records it. Anything else is a
// failure of the test: a key or a value that became a command.
type fake struct {
	t    *testing.T
	addr string
	work sync.WaitGroup

	mu       sync.Mutex
	commands []command
	items    map[string]fakeItem
	cas      uint64
	conns    map[net.Conn]struct{}

	// answer, if set, is asked first; what it returns is sent in place of the answer, and "" ends the connection. It runs before the command
	// is carried out, or after, if it calls carryOut.
	answer func(c command, carryOut func() string) string
}

type command struct {
	verb, key string
	exptime   int64
	cas       uint64
	value     string
}

type fakeItem struct {
	value   string
	exptime int64
	cas     uint64
}

func newFake(t *testing.T) *fake {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &fake{t: t, addr: l.Addr().String(), items: make(map[string]fakeItem), conns: make(map[net.Conn]struct{})}
	f.work.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			f.mu.Lock()
			f.conns[conn] = struct{}{}
			f.mu.Unlock()
			f.work.Go(func() { f.serve(conn) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		f.mu.Lock()
		for conn := range f.conns {
			conn.Close()
		}
		f.mu.Unlock()
		f.work.Wait()
	})
	return f
}

func (f *fake) serve(conn net.Conn) {
	defer conn.Close()
	r := bufio.NewReader(conn)
	for {
		c, err := parseCommand(r)
		if err == io.EOF {
			return
		}
		if err != nil {
			if !strings.Contains(err.Error(), "closed network connection") && !strings.Contains(err.Error(), "reset by peer") {
				f.t.Errorf("a foreign command: %v", err)
			}
			return
		}
		f.mu.Lock()
		f.commands = append(f.commands, c)
		answer := f.answer
		f.mu.Unlock()
		carryOut := func() string { return f.do(c) }
		var said string
		if answer != nil {
			said = answer(c, carryOut)
		} else {
			said = carryOut()
		}
		if said == "" {
			return
		}
		if _, err := io.WriteString(conn, said); err != nil {
			return
		}
	}
}

// parseCommand reads one command, and is as strict as can be.
func parseCommand(r *bufio.Reader) (c command, err error) {
	line, err := r.ReadString('\n')
	if err != nil {
		return c, err
	}
	text, ok := strings.CutSuffix(line, "\r\n")
	words := strings.Split(text, " ")
	formats := map[string]int{"gets": 2, "gat": 3, "set": 5, "add": 5, "replace": 5, "cas": 6, "delete": 2, "stats": 1}
	if !ok || formats[words[0]] != len(words) {
		return c, fmt.Errorf("%.300q", line)
	}
	c.verb = words[0]
	if c.verb == "gat" {
		words[1], words[2] = words[2], words[1]
	}
	c.key = words[1]
	if len(c.key) == 0 || len(c.key) > 250 || strings.ContainsFunc(c.key, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		return c, fmt.Errorf("the key in %.300q", line)
	}
	number := func(i int) (n int64) {
		if err == nil {
			n, err = strconv.ParseInt(words[i], 10, 64)
		}
		return n
	}
	switch len(words) {
	case 3:
		c.exptime = number(2)
	case 5, 6:
		c.exptime = number(3)
		data := make([]byte, number(4)+2)
		if len(words) == 6 {
			c.cas = uint64(number(5))
		}
		if words[2] != "0" || err != nil {
			return c, fmt.Errorf("%.300q", line)
		}
		if _, err := io.ReadFull(r, data); err != nil {
			return c, err
		}
		if c.value, ok = strings.CutSuffix(string(data), "\r\n"); !ok {
			return c, fmt.Errorf("data longer than its length after %.300q", line)
		}
	}
	if c.exptime < 0 {
		err = fmt.Errorf("the exptime in %q is negative", line)
	}
	return c, err
}

// do carries c out. Nothing expires, but what is written with an exptime in the past.
func (f *fake) do(c command) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	item, there := f.items[c.key]
	write := func() string {
		f.cas++
		f.items[c.key] = fakeItem{c.value, c.exptime, f.cas}
		if c.exptime == gone {
			delete(f.items, c.key)
		}
		return "STORED\r\n"
	}
	switch c.verb {
	case "gets", "gat":
		if !there {
			return "END\r\n"
		}
		if c.verb == "gat" {
			item.exptime = c.exptime
			f.items[c.key] = item
			return fmt.Sprintf("VALUE %s 0 %d\r\n%s\r\nEND\r\n", c.key, len(item.value), item.value)
		}
		return fmt.Sprintf("VALUE %s 0 %d %d\r\n%s\r\nEND\r\n", c.key, len(item.value), item.cas, item.value)
	case "delete":
		if !there {
			return "NOT_FOUND\r\n"
		}
		delete(f.items, c.key)
		return "DELETED\r\n"
	case "add", "replace":
		if there == (c.verb == "add") {
			return "NOT_STORED\r\n"
		}
	case "cas":
		if !there {
			return "NOT_FOUND\r\n"
		}
		if item.cas != c.cas {
			return "EXISTS\r\n"
		}
	}
	return write()
}

// reacts sets what answers.
func (f *fake) reacts(answer func(c command, carryOut func() string) string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.answer = answer
}

// seen returns the commands since the last call.
func (f *fake) seen() []command {
	f.mu.Lock()
	defer f.mu.Unlock()
	commands := f.commands
	f.commands = nil
	return commands
}

// verbs returns the verbs of seen, in one line.
func (f *fake) verbs() string {
	var verbs []string
	for _, c := range f.seen() {
		verbs = append(verbs, c.verb)
	}
	return strings.Join(verbs, " ")
}
