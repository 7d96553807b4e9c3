package larder_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/larder-go/larder/session"
	"github.com/larder-go/larder/store"
)

// counting counts the calls of a store, by what they are for.
type counting struct {
	store.Store
	reads, writes int
	expires       time.Time // the deadline that was written last
	hang          bool      // writes last until they are given up
}

func (c *counting) Load(ctx context.Context, key string) (*store.Item, error) {
	c.reads++
	return store.Load(ctx, c.Store, key)
}

func (c *counting) Peek(ctx context.Context, key string) (*store.Item, error) {
	c.reads++
	return store.Peek(ctx, c.Store, key)
}

func (c *counting) Swap(ctx context.Context, key string, old store.Version, item *store.Item) (store.Version, error) {
	if c.hang {
		<-ctx.Done()
		return "", ctx.Err()
	}
	c.writes++
	if item != nil {
		c.expires = item.Expires
	}
	return store.Swap(ctx, c.Store, key, old, item)
}

func (c *counting) Delete(ctx context.Context, key string) error {
	c.writes++
	return c.Store.Delete(ctx, key)
}

// site is a server and one browser, without a socket, so that time can be a bubble's.
type site struct {
	t      *testing.T
	m      *session.Manager
	s      *counting
	cookie string
	ctx    context.Context // of the request under way
}

func newSite(t *testing.T, o *session.Options) *site {
	t.Helper()
	s := &counting{Store: store.NewMap(nil)}
	m, err := session.New(s, o)
	if err != nil {
		t.Fatal(err)
	}
	return &site{t: t, m: m, s: s}
}

// visit makes a request, and returns how many reads and writes it took.
func (v *site) visit(do func(*session.Session)) (reads, writes int) {
	v.t.Helper()
	v.s.reads, v.s.writes = 0, 0
	r := httptest.NewRequest("GET", "https://example.com/", nil)
	if v.cookie != "" {
		r.Header.Set("Cookie", v.cookie)
	}
	w := httptest.NewRecorder()
	v.m.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		v.ctx = r.Context()
		do(session.From(v.ctx))
	})).ServeHTTP(w, r)
	for _, c := range w.Result().Cookies() {
		v.cookie = c.Name + "=" + c.Value
	}
	if w.Code != http.StatusOK {
		v.t.Errorf("answered %d: %s", w.Code, w.Body)
	}
	return v.s.reads, v.s.writes
}

// cells returns the rows of the table on a page that has this header, by their first cell.
func cells(t *testing.T, page, header string) map[string][]string {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	_, table, ok := strings.Cut(string(text), "\n"+header+"\n")
	if !ok {
		t.Fatalf("%s has no table %q", page, header)
	}
	rows := make(map[string][]string)
	for line := range strings.Lines(table) {
		if !strings.HasPrefix(line, "|") {
			break
		}
		row := strings.Split(strings.Trim(line, "|\n"), "|")
		for i := range row {
			row[i] = strings.Trim(row[i], " `")
		}
		rows[row[0]] = row[1:]
	}
	return rows
}

// duration reads one as the page writes it: 24 hours, 8 h, 90 s, 7 d.
func duration(t *testing.T, text string) time.Duration {
	t.Helper()
	number, unit, _ := strings.Cut(text, " ")
	n, err := strconv.Atoi(number)
	units := map[string]time.Duration{"s": time.Second, "seconds": time.Second, "min": time.Minute, "h": time.Hour, "hours": time.Hour, "d": 24 * time.Hour, "days": 24 * time.Hour}
	if err != nil || units[unit] == 0 {
		t.Fatalf("%q is no duration", text)
	}
	return time.Duration(n) * units[unit]
}

// TestTimeoutDefaults: the defaults are what docs/timeouts.md says.
func TestTimeoutDefaults(t *testing.T) {
	rows := cells(t, "docs/timeouts.md", "| option | default | what it does | too short | too long |")
	want := func(option string, got time.Duration) {
		t.Helper()
		if rows[option] == nil {
			t.Errorf("the page says nothing of %s", option)
		} else if d := duration(t, rows[option][0]); d != got {
			t.Errorf("%s is %v, the page says %v", option, got, d)
		}
	}
	if got := rows["TouchAfter"][0]; got != "Idle/20" {
		t.Errorf("the page says that TouchAfter is %q", got)
	}
	synctest.Test(t, func(t *testing.T) {
		v := newSite(t, nil)
		v.visit(func(s *session.Session) { s.Set("x", 1) })
		v.visit(func(s *session.Session) {
			i := s.Info()
			want("Idle", time.Until(i.IdleUntil))
			want("Lifetime", i.Deadline.Sub(i.Created))
			if end := i.LastSeen.Add(24*time.Hour + 24*time.Hour/20); v.s.expires.Sub(end).Abs() > time.Microsecond {
				t.Errorf("the entry ends at %v, and not Idle and TouchAfter after the last use: %v", v.s.expires, end)
			}
			s.Remember(0)
		})
		v.visit(func(s *session.Session) {
			want("RememberFor", time.Until(s.Info().Deadline))
			want("RememberFor", time.Until(s.Info().IdleUntil))
			s.Renew()
		})
	})
	synctest.Test(t, func(t *testing.T) {
		v, before := newSite(t, nil), ""
		v.visit(func(s *session.Session) { s.Set("x", 1) })
		before = v.cookie
		v.visit(func(s *session.Session) { s.Renew() })
		after := v.cookie
		v.visit(func(s *session.Session) { s.Has("x") })
		grace := duration(t, rows["Grace"][0])
		for _, c := range []struct {
			wait time.Duration
			want bool
		}{{grace - time.Second, true}, {2 * time.Second, false}} {
			time.Sleep(c.wait)
			v.cookie = before
			v.visit(func(s *session.Session) {
				if s.Has("x") != c.want {
					t.Errorf("with the old id, %v after the %v of Grace began: %t", c.wait, grace, !c.want)
				}
			})
		}
		v.cookie = after
		v.visit(func(s *session.Session) {
			if !s.Has("x") {
				t.Error("the new id does not work")
			}
		})
	})
	synctest.Test(t, func(t *testing.T) {
		v := newSite(t, nil)
		v.s.hang = true
		begun := time.Now()
		v.visit(func(s *session.Session) {
			s.Set("x", 1)
			s.Save()
			want("SaveTimeout", time.Since(begun))
			s.Destroy()
		})
	})
}

// TestKindsOfSites: what the page derives from Idle is what New makes of it.
func TestKindsOfSites(t *testing.T) {
	const header = "| site | `Idle` | `Lifetime` | `RememberFor` | `TouchAfter` | writes a second for 1,000 people who click all the time |"
	for name, row := range cells(t, "docs/timeouts.md", header) {
		if strings.HasPrefix(name, "--") {
			continue
		}
		synctest.Test(t, func(t *testing.T) {
			idle, touch := duration(t, row[0]), duration(t, row[3])
			v := newSite(t, &session.Options{Idle: idle, Lifetime: duration(t, row[1]), Keys: [][]byte{[]byte("a key of thirty-two bytes or more")}})
			v.visit(func(s *session.Session) { s.Set("x", 1) })
			if got := time.Until(v.s.expires) - idle; (got - touch).Abs() > time.Microsecond {
				t.Errorf("%s: TouchAfter is %v, the page says %v", name, got, touch)
			}
			if got := strconv.FormatFloat(1000/touch.Seconds(), 'g', 2, 64); got != row[4] {
				t.Errorf("%s: %s writes a second, the page says %s", name, got, row[4])
			}
			const clicks = 1000
			writes := 0
			for range clicks {
				time.Sleep(touch / 100)
				_, w := v.visit(func(s *session.Session) { s.Has("x") })
				writes += w
			}
			if most := clicks / 100; writes > most || writes < most-1 {
				t.Errorf("%s: %d writes in %v of clicking, one in %v was promised", name, writes, clicks*touch/100, touch)
			}
		})
	}
}

// TestWhatItCosts counts the calls of the store.
func TestWhatItCosts(t *testing.T) {
	rows := cells(t, "docs/timeouts.md", "| request | reads | writes |")
	want := func(name string, reads, writes int) {
		t.Helper()
		if row := rows[name]; row == nil || row[0] != strconv.Itoa(reads) || row[1] != strconv.Itoa(writes) {
			t.Errorf("%q takes %d reads and %d writes; the page says %v", name, reads, writes, row)
		}
	}
	read := func(s *session.Session) { s.Has("x") }
	for _, devices := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			also := map[bool]string{true: ", with `Devices"}[devices]
			v := newSite(t, &session.Options{Devices: devices, Keys: [][]byte{[]byte("a key of thirty-two bytes or more")}})
			visit := func(name string, do func(*session.Session)) {
				t.Helper()
				reads, writes := v.visit(do)
				if name != "" {
					want(name, reads, writes)
				}
			}
			visit("does not ask for its session", func(*session.Session) {})
			visit("", func(s *session.Session) { s.Set("x", 1) })
			if reads, writes := v.visit(read); reads != 1 || writes != 0 {
				t.Errorf("without a login: %d reads and %d writes", reads, writes)
			}
			visit("logs in", func(s *session.Session) { s.SetSubject("alice") })
			visit("comes first after the login", read)
			visit("reads it", read)
			visit("changes it", func(s *session.Session) { s.Set("x", 2) })
			time.Sleep(2 * time.Hour)
			if devices {
				visit("the same"+also, read)
			} else {
				visit("reads it, for the first time after `TouchAfter", read)
			}
			visit("Renew", func(s *session.Session) { s.Renew() })
			visit("comes first after `Renew", read)
			visit("logs out"+also, func(s *session.Session) { s.Destroy() })
			v.s.reads, v.s.writes = 0, 0
			if err := v.m.RevokeAll(t.Context(), "alice"); err != nil {
				t.Error(err)
			}
			want("RevokeAll", v.s.reads, v.s.writes)
		})
	}
}

// TestStoresOwnTimeout: one that would end sessions early is refused, and cleanup goes by deadlines.
func TestStoresOwnTimeout(t *testing.T) {
	short := store.NewMap(&store.MapOptions{Expiry: store.Expiry{Timeout: 23 * time.Hour}})
	if _, err := session.New(short, nil); err == nil || !strings.Contains(err.Error(), "x-timeout") {
		t.Errorf("a store with a time-out under Idle: %v", err)
	}
	v := newSite(t, nil)
	v.m, _ = session.New(store.NewMap(&store.MapOptions{Expiry: store.Expiry{Timeout: 29 * 24 * time.Hour}}), nil)
	v.visit(func(s *session.Session) {
		if err := s.Remember(0); err == nil || !strings.Contains(err.Error(), "x-timeout") {
			t.Errorf("a store with a time-out under RememberFor: %v", err)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		v := newSite(t, nil)
		v.visit(func(s *session.Session) { s.Set("x", 1) })
		for _, c := range []struct {
			wait    time.Duration
			removed int
		}{{25 * time.Hour, 0}, {13 * time.Minute, 1}} {
			time.Sleep(c.wait)
			if n, err := v.s.Store.Cleanup(t.Context(), 0); n != c.removed || err != nil {
				t.Errorf("after %v more, cleanup removes %d, not %d: %v", c.wait, n, c.removed, err)
			}
		}
	})
}
