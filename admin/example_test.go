package admin_test

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"time"

	"github.com/larder-go/larder/admin"
	"github.com/larder-go/larder/cleanup"
	"github.com/larder-go/larder/store"
)

// The program uses the store through the handler, which counts what it does, and mounts the handler behind its own login.
func ExampleNew() {
	kept := store.NewMap(&store.MapOptions{Expiry: store.Expiry{Timeout: 24 * time.Hour}})
	h, err := admin.New(kept, &admin.Options{Title: "shop, production", AllowWrites: true})
	if err != nil {
		log.Fatal(err)
	}
	s := store.Observe(kept, h)

	requireOperator := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if name, password, _ := r.BasicAuth(); name != "ops" || password != "correct horse" { // yours is better
				http.Error(w, "who are you?", http.StatusUnauthorized)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
	mux := http.NewServeMux()
	mux.Handle("/admin/", requireOperator(http.StripPrefix("/admin", h)))
	server := httptest.NewServer(mux)
	defer server.Close()

	request, err := http.NewRequest("GET", server.URL+"/admin/stat", nil)
	if err != nil {
		log.Fatal(err)
	}
	if err := s.Set(request.Context(), "session:1", []byte("value")); err != nil {
		log.Fatal(err)
	}
	request.SetBasicAuth("ops", "correct horse")
	transport := &http.Transport{DisableKeepAlives: true}
	response, err := transport.RoundTrip(request)
	if err != nil {
		log.Fatal(err)
	}
	defer response.Body.Close()
	var stat struct{ Entries, Bytes int }
	if err := json.NewDecoder(response.Body).Decode(&stat); err != nil {
		log.Fatal(err)
	}
	fmt.Println(stat.Entries, "entry of", stat.Bytes, "bytes")
	// Output: 1 entry of 5 bytes
}

// On a unix socket that only its owner can open, nobody need ask who one is: larder cleanup --admin http+unix:///run/shop/admin.sock
func ExampleHandler_unixSocket() {
	h, err := admin.New(store.NewMap(nil), &admin.Options{AllowWrites: true, Cleanup: &cleanup.Options{Idle: 24 * time.Hour}})
	if err != nil {
		log.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "l") // mode 0700
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	l, err := net.Listen("unix", dir+"/admin.sock")
	if err != nil {
		log.Fatal(err)
	}
	server := &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second}
	served := make(chan error)
	go func() { served <- server.Serve(l) }()

	c, err := net.Dial("unix", dir+"/admin.sock")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Fprint(c, "POST /cleanup HTTP/1.0\r\n\r\n")
	answer, err := io.ReadAll(c)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(strings.Contains(string(answer), `"reason":"done"`))
	server.Close()
	<-served
	// Output: true
}
