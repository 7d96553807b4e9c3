package session_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/larder-go/larder/session"
	"github.com/larder-go/larder/store"
)

// Against forged requests of other sites there is http.CrossOriginProtection, which stands before the sessions: what it refuses
// never reaches them.
func ExampleManager_Handler_crossOrigin() {
	m, err := session.New(store.NewMap(nil), nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /pay", func(w http.ResponseWriter, r *http.Request) {
		session.From(r.Context()).Set("paid", true)
		fmt.Fprint(w, "paid")
	})
	site := http.NewCrossOriginProtection().Handler(m.Handler(mux))

	for _, from := range []string{"same-origin", "same-site", "cross-site"} {
		r := httptest.NewRequest("POST", "https://example.com/pay", nil)
		r.Header.Set("Sec-Fetch-Site", from) // as browsers do
		w := httptest.NewRecorder()
		site.ServeHTTP(w, r)
		fmt.Println(from, w.Code, w.Header().Get("Set-Cookie") != "")
	}
	// Output:
	// same-origin 200 true
	// same-site 403 false
	// cross-site 403 false
}

// TestForgedRequestsCostNoStoreCall: with the protection in front, what another site sends with the victim's cookie does nothing at all.
func TestForgedRequestsCostNoStoreCall(t *testing.T) {
	s, calls := counted(store.NewMap(nil))
	m := manage(t, s, session.Options{})
	token := logInAs(t, m, "alice", marked(t, m, "mark", "here"))
	site := http.NewCrossOriginProtection().Handler(m.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		session.From(r.Context()).Set("mark", "forged")
	})))
	before := calls.Load()
	for name, value := range map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.test"} { // older browsers send Origin only
		r := httptest.NewRequestWithContext(t.Context(), "POST", "https://example.test/", strings.NewReader("a=b"))
		r.Header.Set("Cookie", hostCookie+"="+token)
		r.Header.Set(name, value)
		w := httptest.NewRecorder()
		site.ServeHTTP(w, r)
		if w.Code != http.StatusForbidden || calls.Load() != before {
			t.Errorf("%s: status %d, %d calls of the store", name, w.Code, calls.Load()-before)
		}
	}
	alive(t, m, "forged requests", token, "alice")
}
