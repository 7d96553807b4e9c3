package routers

import (
	_ "github.com/alexedwards/scs/v2"
	_ "github.com/alexedwards/scs/v2/memstore"
	_ "github.com/coder/websocket"
	_ "github.com/gin-gonic/gin"
	_ "github.com/go-chi/chi/v5"
	_ "github.com/gorilla/sessions"
	_ "github.com/labstack/echo/v4"
)
