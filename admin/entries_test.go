package admin_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/larder-go/larder/admin"
	"github.com/larder-go/larder/store"
)

// lister is a store whose list cannot be taken up again.
type lister struct{ store.Lister }

// TestPaging: page by page, everything comes once, whether the store can take a list up or it has to be counted.
func TestPaging(t *testing.T) {
	for name, wrap := range map[string]func(*store.Map) store.Store{
		"resumes": func(m *store.Map) store.Store { return m },
		"counts":  func(m *store.Map) store.Store { return lister{m} },
	} {
		t.Run(name, func(t *testing.T) {
			m := store.NewMap(nil)
			fill(t, m, 333)
			k := serve(t, wrap(m), &admin.Options{})
			seen := make(map[string]bool)
			after, pages := "", 0
			for {
				p := into[entries](k.get("entries?limit=50&after=" + url.QueryEscape(after)))
				if p.Stable != (name == "resumes") {
					t.Errorf("stable: %v", p.Stable)
				}
				for _, e := range p.Entries {
					if e.Size != 3 || e.Idle == nil {
						t.Errorf("%+v", e)
					}
					seen[e.ID] = true
				}
				pages++
				if after = p.Next; after == "" {
					if p.More {
						t.Error("there is more, and no next")
					}
					break
				}
			}
			if name == "resumes" && (len(seen) != 333 || pages != 7) { // the other promises nothing: its order is another each time
				t.Errorf("%d entries on %d pages", len(seen), pages)
			}
			if pages != 7 {
				t.Errorf("%d pages", pages)
			}
		})
	}
}

// TestPagesAreBounded: what cannot be taken up again is not counted through for ever.
func TestPagesAreBounded(t *testing.T) {
	m := store.NewMap(nil)
	fill(t, m, 10_700)
	k := serve(t, lister{m}, &admin.Options{})
	after, pages := "", 0
	for {
		p := into[entries](k.get("entries?limit=500&after=" + after))
		if pages++; p.Next == "" {
			if !p.More || pages != 20 {
				t.Errorf("%d pages, more: %v", pages, p.More)
			}
			return
		}
		after = p.Next
	}
}

// TestNoKeys: no whole key leaves, nor anything of a value, and no prefix finds a key letter by letter.
func TestNoKeys(t *testing.T) {
	m := store.NewMap(nil)
	const secret, value = "session:cafe1234deadbeef", "the-value"
	if err := m.Set(t.Context(), secret, []byte(value)); err != nil {
		t.Fatal(err)
	}
	if err := m.Set(t.Context(), "token42", []byte(value)); err != nil {
		t.Fatal(err)
	}
	k := serve(t, m, &admin.Options{AllowWrites: true})
	var all strings.Builder
	for _, where := range []string{"", "stat", "entries", "entries?prefix=session:", "?prefix=session:"} {
		a := k.get(where)
		all.WriteString(a.body + fmt.Sprint(a.header))
	}
	for _, leak := range []string{"cafe", "deadbeef", "token42", "token", value} {
		if strings.Contains(all.String(), leak) {
			t.Errorf("%q leaves the process", leak)
		}
	}
	if !strings.Contains(all.String(), "sessio…(24)") || !strings.Contains(all.String(), "tok…(7)") {
		t.Error("keys are not shown cut")
	}
	for prefix, want := range map[string]int{
		"": 2, "session:": 1, "sessio": 1, "s": 1, "tok": 1, "t": 1, "x": 0, "session.": 0,
		"toke": 0, "token4": 0, // is more than is shown of that key
	} {
		if got := len(into[entries](k.get("entries?prefix=" + url.QueryEscape(prefix))).Entries); got != want {
			t.Errorf("prefix %q: %d entries, want %d", prefix, got, want)
		}
	}
	for _, prefix := range []string{"session:c", "session:cafe", "token42", "session", "\x00", "\xff", strings.Repeat("a", 1030) + ":"} {
		k.get("entries?prefix="+url.QueryEscape(prefix)).is(http.StatusBadRequest, "bad_request")
	}
	for _, limit := range []string{"0", "-1", "501", "x", "1.5", "99999999999999999999"} {
		k.get("entries?limit="+limit).is(http.StatusBadRequest, "bad_request")
	}
}

// TestIDs: an id is good for its key in its process, and nothing else is one.
func TestIDs(t *testing.T) {
	m := store.NewMap(nil)
	fill(t, m, 100)
	k, other := serve(t, m, &admin.Options{AllowWrites: true}), serve(t, m, &admin.Options{AllowWrites: true})
	first := into[entries](k.get("entries?limit=1"))
	id := first.Entries[0].ID
	if again := into[entries](k.get("entries?limit=1")); again.Entries[0].ID != id {
		t.Error("the same entry has another id")
	}
	if theirs := into[entries](other.get("entries?limit=1")); theirs.Entries[0].ID == id {
		t.Error("another process has the same id")
	}
	other.ask("DELETE", "entries/"+id, "").is(http.StatusNotFound, "unknown_id")
	for _, bad := range []string{"x", "AAAA", id[:len(id)-4], id + "AAAA", "A" + id[1:], strings.Repeat("A", 4000)} {
		k.ask("DELETE", "entries/"+bad, "").is(http.StatusNotFound, "unknown_id")
		k.get("entries?after="+bad).is(http.StatusNotFound, "unknown_id")
	}
	k.ask("DELETE", "entries/"+id, "").is(http.StatusOK, "")
	k.ask("DELETE", "entries/"+id, "").is(http.StatusOK, "") // as Delete has it
	if got := into[stat](k.get("stat")); *got.Entries != 99 {
		t.Errorf("%d entries", *got.Entries)
	}
	// An id to go on behind stays good when its entry is gone.
	if got := into[entries](k.get("entries?limit=500&after=" + id)); len(got.Entries) != 99 {
		t.Errorf("%d entries", len(got.Entries))
	}
	// How many come before is no key.
	counted := serve(t, lister{m}, &admin.Options{AllowWrites: true})
	next := into[entries](counted.get("entries?limit=1")).Next
	counted.ask("DELETE", "entries/"+next, "").is(http.StatusNotFound, "unknown_id")
}

// TestHostileKeys: keys that would be markup, or steer what shows them, are text.
func TestHostileKeys(t *testing.T) {
	m := store.NewMap(nil)
	keys := []string{
		`<img src=x onerror=alert(1)>`, `"><script>alert(1)</script>`, "</tbody></table>", `{}{}{}`, "&lt;b&gt;", "\u202Egnp.exe", "\x1b[31mred", "\r\nSet-Cookie: a=b", "ﷺﷺﷺﷺ", "日本語のキー",
		" space ", "a", "ab", strings.Repeat("é", 512), "\x7f\u009b31m", "' onclick='x",
	}
	for _, key := range keys {
		if err := m.Set(t.Context(), key, nil); err != nil {
			t.Fatal(err)
		}
	}
	k := serve(t, m, &admin.Options{AllowWrites: true})
	page := k.get("").body
	for _, bad := range []string{"<img", "<scr" + "ipt>a", "\u202e", "\x1b", "\u009b", "\r\nSet"} {
		if strings.Contains(page, bad) {
			t.Errorf("the page has %q", bad)
		}
	}
	if !strings.Contains(page, "&lt;img s…(28)") || !strings.Contains(page, "日本語…(18)") || strings.Count(page, "<tr data-id") != len(keys) {
		t.Errorf("the page does not show the keys: %s", page)
	}
	for _, e := range into[entries](k.get("entries?limit=500")).Entries {
		k.ask("DELETE", "entries/"+e.ID, "").is(http.StatusOK, "")
	}
	if s := into[stat](k.get("stat")); *s.Entries != 0 {
		t.Errorf("%d entries are left", *s.Entries)
	}
}
