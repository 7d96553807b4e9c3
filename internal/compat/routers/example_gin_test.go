package routers

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/larder-go/larder/session"
)

// With gin, whose middleware is of another kind than net/http's, put the router into the middleware.
func Example_gin() {
	m := manager()
	gin.SetMode(gin.ReleaseMode) // or it prints its routes
	g := gin.New()
	g.GET("/", func(c *gin.Context) {
		s := session.From(c.Request.Context())
		visits, _ := session.Get[int](s, "visits")
		if err := s.Set("visits", visits+1); err != nil {
			c.AbortWithError(http.StatusInternalServerError, err)
			return
		}
		c.String(http.StatusOK, "visit %d", visits+1)
	})
	h := m.Handler(g) // http.ListenAndServe(address, h) in place of g.Run(address)

	v := visit(h)
	defer v.Close()
	v.print("/", "/", "/")
	v.another().print("/")
	// Output:
	// visit 1
	// visit 2
	// visit 3
	// visit 1
}
