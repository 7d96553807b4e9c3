package routers

import (
	"fmt"
	"net/http"

	"github.com/go-chi/chi/v5"

	"github.com/larder-go/larder/session"
)

// With chi, the middleware goes where middleware goes.
func Example_chi() {
	m := manager()
	r := chi.NewRouter()
	r.Use(m.Handler)
	r.Get("/", func(w http.ResponseWriter, r *http.Request) {
		s := session.From(r.Context())
		visits, _ := session.Get[int](s, "visits")
		if err := s.Set("visits", visits+1); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		fmt.Fprintf(w, "visit %d", visits+1)
	})

	v := visit(r)
	defer v.Close()
	v.print("/", "/", "/")
	v.another().print("/")
	// Output:
	// visit 1
	// visit 2
	// visit 3
	// visit 1
}
