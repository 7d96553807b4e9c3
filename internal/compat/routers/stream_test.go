package routers

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/larder-go/larder/session"
)

// events sends one event per word of the query, and has saved each before it is sent. What it sets last is saved by its end.
func events(w http.ResponseWriter, r *http.Request) {
	s := session.From(r.Context())
	w.Header().Set("Content-Type", "text/event-stream")
	stream := http.NewResponseController(w)
	must(s.Set("begun", "yes")) // goes out with the first byte
	for word := range strings.SplitSeq(r.FormValue("words"), " ") {
		fmt.Fprintf(w, "data: %s\n\n", word)
		must(stream.Flush())
		must(s.Set("word", word))
		must(s.Save())
		fmt.Fprintf(w, "data: %s is saved\n\n", word)
		must(stream.Flush())
	}
	must(s.Set("ended", "yes"))
}

// listen reads events as they come.
func (v *visitor) listen(t *testing.T, path string) (next func() string, end func()) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, "GET", v.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := v.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	if resp.StatusCode != http.StatusOK || !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream") {
		t.Fatalf("%d %v", resp.StatusCode, resp.Header)
	}
	lines := bufio.NewReader(resp.Body)
	next = func() string {
		line, err := lines.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		if _, err := lines.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
		return strings.TrimSuffix(line, "\n")
	}
	return next, func() {
		if rest, err := io.ReadAll(lines); err != nil || len(rest) > 0 {
			t.Errorf("after the end came %q, %v", rest, err)
		}
	}
}

// TestEvents: events arrive while the handler runs, with the cookie before the first of them, and what is saved between them is saved.
func TestEvents(t *testing.T) {
	eachRouter(t, map[string]http.HandlerFunc{"/events": events}, func(t *testing.T, v *visitor) {
		next, end := v.listen(t, "/events?words=one+two")
		if got := next(); got != "data: one" {
			t.Fatal(got)
		}
		v.expect(t, "begun", "yes")
		for _, want := range []string{"one is saved", "two", "two is saved"} {
			if got := next(); got != "data: "+want {
				t.Fatal(got)
			}
		}
		end()
		v.expect(t, "word", "two")
		v.expect(t, "ended", "yes")
	})
}

// TestGinStream: gin's own way to stream asks the writer for more than the others do.
func TestGinStream(t *testing.T) {
	gin.SetMode(gin.ReleaseMode)
	g := gin.New()
	g.GET("/get", gin.WrapF(get))
	g.GET("/events", func(c *gin.Context) {
		words := strings.Fields(c.Query("words"))
		s := session.From(c.Request.Context())
		must(s.Set("begun", "yes"))
		c.Header("Content-Type", "text/event-stream")
		c.Stream(func(w io.Writer) bool {
			if len(words) == 0 {
				return false
			}
			fmt.Fprintf(w, "data: %s\n\n", words[0])
			words = words[1:]
			return true
		})
	})
	v := visit(manager().Handler(g))
	defer v.Close()
	next, end := v.listen(t, "/events?words=one+two")
	if got := next(); got != "data: one" {
		t.Fatal(got)
	}
	v.expect(t, "begun", "yes")
	if got := next(); got != "data: two" {
		t.Fatal(got)
	}
	end()
}
