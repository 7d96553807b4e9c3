package routers

import (
	"net/http"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/go-chi/chi/v5"
	"github.com/labstack/echo/v4"

	"github.com/larder-go/larder/session"
)

// A router serves handlers by their paths, behind the sessions of m.
type router struct {
	name  string
	serve func(m *session.Manager, handlers map[string]http.HandlerFunc) http.Handler
}

// routers are all ways to put the middleware and a router together. The handlers get what the router makes of the ResponseWriter.
var routers = []router{
	{"net/http", func(m *session.Manager, handlers map[string]http.HandlerFunc) http.Handler {
		mux := http.NewServeMux()
		for path, h := range handlers {
			mux.HandleFunc("GET "+path, h)
		}
		return m.Handler(mux)
	}},
	{"chi", func(m *session.Manager, handlers map[string]http.HandlerFunc) http.Handler {
		r := chi.NewRouter()
		r.Use(m.Handler)
		for path, h := range handlers {
			r.Get(path, h)
		}
		return r
	}},
	{"echo", func(m *session.Manager, handlers map[string]http.HandlerFunc) http.Handler {
		e := newEcho(handlers)
		e.Use(echo.WrapMiddleware(m.Handler))
		return e
	}},
	{"around echo", func(m *session.Manager, handlers map[string]http.HandlerFunc) http.Handler {
		return m.Handler(newEcho(handlers))
	}},
	{"around gin", func(m *session.Manager, handlers map[string]http.HandlerFunc) http.Handler {
		gin.SetMode(gin.ReleaseMode)
		g := gin.New()
		for path, h := range handlers {
			g.GET(path, func(c *gin.Context) { h(c.Writer, c.Request) })
		}
		return m.Handler(g)
	}},
}

func newEcho(handlers map[string]http.HandlerFunc) *echo.Echo {
	e := echo.New()
	for path, h := range handlers {
		e.GET(path, func(c echo.Context) error {
			h(c.Response(), c.Request())
			return nil
		})
	}
	return e
}

// eachRouter runs a test behind each of them. /set, /get and /logout are there besides.
func eachRouter(t *testing.T, handlers map[string]http.HandlerFunc, run func(t *testing.T, v *visitor)) {
	for _, r := range routers {
		t.Run(r.name, func(t *testing.T) {
			all := map[string]http.HandlerFunc{"/set": set, "/get": get, "/logout": logout}
			for path, h := range handlers {
				all[path] = h
			}
			v := visit(r.serve(manager(), all))
			t.Cleanup(v.Close)
			run(t, v)
		})
	}
}

// set stores what the query says, get answers with it.
func set(w http.ResponseWriter, r *http.Request) {
	s := session.From(r.Context())
	for name := range r.URL.Query() {
		must(s.Set(name, r.FormValue(name)))
	}
	w.WriteHeader(http.StatusNoContent)
}

func get(w http.ResponseWriter, r *http.Request) {
	text, ok := session.Get[string](session.From(r.Context()), r.FormValue("name"))
	if !ok {
		http.Error(w, "absent", http.StatusNotFound)
		return
	}
	w.Write([]byte(text))
}

func logout(w http.ResponseWriter, r *http.Request) { must(session.From(r.Context()).Destroy()) }

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// expect fails the test unless the field has this value, "" meaning absent.
func (v *visitor) expect(t *testing.T, name, value string) {
	t.Helper()
	status, body := v.get("/get?name=" + name)
	if got := map[bool]string{true: body}[status == http.StatusOK]; got != value {
		t.Errorf("%s is %q (%d), not %q", name, got, status, value)
	}
}

// TestRouters: set, read, log out.
func TestRouters(t *testing.T) {
	eachRouter(t, nil, func(t *testing.T, v *visitor) {
		v.expect(t, "a", "")
		if status, body := v.get("/set?a=1"); status != http.StatusNoContent {
			t.Fatalf("set: %d %s", status, body)
		}
		v.expect(t, "a", "1")
		v.another().expect(t, "a", "")
		if status, _ := v.get("/no-such-page"); status != http.StatusNotFound {
			t.Errorf("a page that is not there: %d", status)
		}
		if status, body := v.get("/logout"); status != http.StatusOK {
			t.Fatalf("logout: %d %s", status, body)
		}
		v.expect(t, "a", "")
	})
}

// TestFailingHandlers: what echo and gin answer with when a handler fails comes with the session that it set before. A panic saves nothing.
func TestFailingHandlers(t *testing.T) {
	m := manager()
	e := echo.New()
	e.Use(echo.WrapMiddleware(m.Handler))
	e.GET("/get", echo.WrapHandler(http.HandlerFunc(get)))
	e.GET("/fail", func(c echo.Context) error {
		must(session.From(c.Request().Context()).Set("a", "1"))
		return echo.NewHTTPError(http.StatusTeapot, "teapot")
	})
	g := gin.New()
	g.Use(gin.CustomRecoveryWithWriter(nil, func(c *gin.Context, _ any) { c.AbortWithStatus(http.StatusBadGateway) }))
	g.GET("/get", gin.WrapF(get))
	g.GET("/fail", func(c *gin.Context) {
		must(session.From(c.Request.Context()).Set("a", "1"))
		c.AbortWithStatus(http.StatusTeapot)
	})
	g.GET("/panic", func(c *gin.Context) {
		must(session.From(c.Request.Context()).Set("b", "1"))
		panic("recovered by gin, within the middleware")
	})
	for name, h := range map[string]http.Handler{"echo": e, "gin": m.Handler(g)} {
		t.Run(name, func(t *testing.T) {
			v := visit(h)
			defer v.Close()
			if status, body := v.get("/fail"); status != http.StatusTeapot {
				t.Fatalf("%d %s", status, body)
			}
			v.expect(t, "a", "1")
			if name == "gin" {
				if status, body := v.get("/panic"); status != http.StatusBadGateway {
					t.Fatalf("%d %s", status, body)
				}
				v.expect(t, "b", "1") // the middleware sees an answer like any other
			}
		})
	}
}
