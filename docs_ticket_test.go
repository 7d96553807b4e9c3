package larder_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/larder-go/larder/session"
	"github.com/larder-go/larder/store"
)

// takeOver logs in whom the old site sends here: with a ticket that is good for a minute, and once.
func takeOver(s store.Store, key []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		until, rest, _ := strings.Cut(r.FormValue("ticket"), ".")
		sum, user, _ := strings.Cut(rest, ".")
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(until + "." + user))
		end, err := strconv.ParseInt(until, 10, 64)
		if err != nil || !hmac.Equal([]byte(hex.EncodeToString(mac.Sum(nil))), []byte(sum)) || time.Now().Unix() > end {
			http.Redirect(w, r, "/login", http.StatusSeeOther)
			return
		}
		_, err = store.Swap(r.Context(), s, "ticket:"+sum, "", &store.Item{Expires: time.Unix(end+1, 0)})
		if err == nil {
			err = session.From(r.Context()).SetSubject(user)
		}
		if err != nil && !errors.Is(err, store.ErrConflict) { // which is a ticket that was used already
			session.ErrorHandler(w, r, err)
			return
		}
		http.Redirect(w, r, "/", http.StatusSeeOther)
	}
}

func ticket(user string, key []byte, until time.Time) string {
	text := strconv.FormatInt(until.Unix(), 10)
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(text + "." + user))
	return text + "." + hex.EncodeToString(mac.Sum(nil)) + "." + user
}

func TestTakeOver(t *testing.T) {
	key := []byte("a key that both sites have")
	s := store.NewMap(nil)
	m, err := session.New(s, nil)
	if err != nil {
		t.Fatal(err)
	}
	come := func(what, ticket, path string, cookies int) {
		t.Helper()
		w := httptest.NewRecorder()
		r := httptest.NewRequest("GET", "https://example.com/takeover?"+url.Values{"ticket": {ticket}}.Encode(), nil)
		m.Handler(takeOver(s, key)).ServeHTTP(w, r)
		if got := w.Header().Get("Location"); w.Code != http.StatusSeeOther || got != path || len(w.Result().Cookies()) != cookies {
			t.Errorf("%s: %d to %q with %v", what, w.Code, got, w.Result().Cookies())
		}
		for _, c := range w.Result().Cookies() {
			r := httptest.NewRequest("GET", "https://example.com/", nil)
			r.AddCookie(c)
			m.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				if got := session.From(r.Context()).Subject(); got != "ali.ce" {
					t.Errorf("%s: logged in as %q", what, got)
				}
			})).ServeHTTP(httptest.NewRecorder(), r)
		}
	}
	good := ticket("ali.ce", key, time.Now().Add(30*time.Second)) // another than the last one below, which would have been used
	come("a ticket", good, "/", 1)
	come("the same again", good, "/", 0)
	come("none", "", "/login", 0)
	come("for somebody else", strings.Replace(ticket("ali.ce", key, time.Now().Add(50*time.Second)), "ali.ce", "bob", 1), "/login", 0)
	come("made longer", strings.Replace(good, strings.SplitN(good, ".", 2)[0], strconv.FormatInt(time.Now().Unix()+999, 10), 1), "/login", 0)
	come("of another key", ticket("ali.ce", []byte("another"), time.Now().Add(time.Minute)), "/login", 0)
	come("too old", ticket("ali.ce", key, time.Now().Add(-2*time.Second)), "/login", 0)

	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("python3 is not here: what the page has for the old site is not run")
	}
	code := blocks(t, "docs/from-others.md", "python")[0] + fmt.Sprintf("\nprint(ticket('ali.ce', b'%s'))\n", key)
	out, err := exec.Command(python, "-c", code).Output()
	if err != nil {
		t.Fatal(err)
	}
	come("a ticket of the old site", strings.TrimSpace(string(out)), "/", 1)
}
