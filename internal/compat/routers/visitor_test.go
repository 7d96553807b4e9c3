package routers

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"os"

	"github.com/larder-go/larder/session"
	"github.com/larder-go/larder/store"
)

// manager keeps sessions in this process's memory.
func manager() *session.Manager {
	m, err := session.New(store.NewMap(nil), &session.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		panic(err)
	}
	return m
}

// visitor is a browser that keeps its cookies, and the server that it visits, over TLS as the cookies demand.
type visitor struct {
	*httptest.Server
	client *http.Client
}

func visit(h http.Handler) *visitor {
	server := httptest.NewTLSServer(h)
	return (&visitor{Server: server}).another()
}

// another is another browser at the same server.
func (v *visitor) another() *visitor {
	jar, err := cookiejar.New(nil)
	if err != nil {
		panic(err)
	}
	client := *v.Server.Client()
	client.Jar = jar
	return &visitor{v.Server, &client}
}

// get returns the status and the text of a page.
func (v *visitor) get(path string) (int, string) {
	resp, err := v.client.Get(v.URL + path)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return resp.StatusCode, err.Error()
	}
	return resp.StatusCode, string(body)
}

// print shows what a visitor sees at these paths.
func (v *visitor) print(paths ...string) {
	for _, path := range paths {
		_, body := v.get(path)
		fmt.Fprintln(os.Stdout, body)
	}
}
