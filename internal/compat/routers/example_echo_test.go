package routers

import (
	"fmt"
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/larder-go/larder/session"
)

// With echo, wrap the middleware.
func Example_echo() {
	m := manager()
	e := echo.New()
	e.Use(echo.WrapMiddleware(m.Handler))
	e.GET("/", func(c echo.Context) error {
		s := session.From(c.Request().Context())
		visits, _ := session.Get[int](s, "visits")
		if err := s.Set("visits", visits+1); err != nil {
			return err
		}
		return c.String(http.StatusOK, fmt.Sprintf("visit %d", visits+1))
	})

	v := visit(e)
	defer v.Close()
	v.print("/", "/", "/")
	v.another().print("/")
	// Output:
	// visit 1
	// visit 2
	// visit 3
	// visit 1
}
