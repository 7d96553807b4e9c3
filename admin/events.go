package admin

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"
)

const (
	eventEvery    = 2 * time.Second
	eventPatience = 10 * time.Second // with a client that does not read
	mostListeners = 64

	// eventLife is how long one stream lasts; the browser then connects anew. A server that began to shut down before the stream did tells it nothing.
	eventLife = 10 * time.Minute
)

var tooMany = &problem{"too_many_listeners", fmt.Sprintf("%d requests listen already", mostListeners), "close some pages, or ask for stat", http.StatusServiceUnavailable}

// unhurried lifts the server's time limits from a request that may take long for good reasons. Where there are none to lift, nothing is wrong.
func unhurried(w http.ResponseWriter) {
	c := http.NewResponseController(w)
	c.SetReadDeadline(time.Time{})
	c.SetWriteDeadline(time.Time{})
}

// events is GET events: server-sent events named "stat", the first at once. The entries are counted beside, so that the operations per second
// go on meanwhile. It ends with the request, and when the server is shut down, for which a stream would keep it waiting otherwise.
func (h *Handler) events(w http.ResponseWriter, r *http.Request) {
	select {
	case h.listeners <- struct{}{}:
		defer func() { <-h.listeners }()
	default:
		tooMany.answer(w)
		return
	}
	down := h.shutdowns.of(r)
	unhurried(w)
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no") // for nginx
	if r.Method == http.MethodHead {
		return
	}
	var counting sync.WaitGroup
	defer counting.Wait()
	ctx, cancel := context.WithTimeout(r.Context(), eventLife)
	defer cancel()
	ticker := time.NewTicker(eventEvery)
	defer ticker.Stop()
	for {
		h.census.refresh(ctx, &counting)
		if err := send(w, h.describe(ctx, h.census.latest())); err != nil {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-down:
			return
		case <-ticker.C:
		}
	}
}

// send sends one event.
func send(w http.ResponseWriter, s *stat) error {
	data, err := json.Marshal(s)
	if err != nil {
		return err
	}
	c := http.NewResponseController(w)
	c.SetWriteDeadline(time.Now().Add(eventPatience))
	if _, err := fmt.Fprintf(w, "event: stat\nretry: %d\ndata: %s\n\n", eventEvery.Milliseconds(), data); err != nil {
		return err
	}
	return c.Flush()
}

// shutdowns tells streams that their server is being shut down, which ends no request by itself.
type shutdowns struct {
	mu      sync.Mutex
	servers map[*http.Server]chan struct{}
}

// of returns a channel that is closed when the server of r is shut down; nil, which never is, where it has none.
func (d *shutdowns) of(r *http.Request) <-chan struct{} {
	server, ok := r.Context().Value(http.ServerContextKey).(*http.Server)
	if !ok {
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if down, ok := d.servers[server]; ok {
		return down
	}
	down := make(chan struct{})
	if d.servers == nil {
		d.servers = make(map[*http.Server]chan struct{})
	}
	d.servers[server] = down
	server.RegisterOnShutdown(sync.OnceFunc(func() { close(down) }))
	return down
}
