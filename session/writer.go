package session

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"time"
)

// writer saves the session before the first byte of the response, and hands everything on. It keeps what the server's own writer can do:
// Flush, Hijack, ReadFrom, and by Unwrap the rest of http.ResponseController.
type writer struct {
	http.ResponseWriter
	s     *Session
	begun bool
	dead  bool // the answer was written already, in place of the handler's
}

// begin saves, once. It reports whether the response is the handler's.
func (w *writer) begin() bool {
	if w.begun {
		return !w.dead
	}
	w.begun = true
	if err := w.s.begin(w.Header()); err != nil {
		w.dead = true
		h := w.Header()
		for _, name := range []string{"Content-Length", "Content-Encoding", "Content-Range", "Content-Disposition", "Etag", "Last-Modified", "Location", "Trailer"} {
			h.Del(name)
		}
		w.s.m.o.Error(w.ResponseWriter, w.s.r, err)
	}
	return !w.dead
}

// finish ends the request, after the handler: it begins a response that nothing was written to, or saves what has changed since the first byte.
func (w *writer) finish() {
	if w.begun {
		w.s.finish()
		return
	}
	w.begin()
}

func (w *writer) WriteHeader(code int) {
	if code >= 100 && code < 200 && code != http.StatusSwitchingProtocols {
		w.ResponseWriter.WriteHeader(code) // informational: the response is still to come
		return
	}
	if w.begin() {
		w.ResponseWriter.WriteHeader(code)
	}
}

func (w *writer) Write(p []byte) (int, error) {
	if !w.begin() {
		return len(p), nil
	}
	return w.ResponseWriter.Write(p)
}

func (w *writer) WriteString(s string) (int, error) {
	if !w.begin() {
		return len(s), nil
	}
	return io.WriteString(w.ResponseWriter, s)
}

// ReadFrom lets the server use sendfile.
func (w *writer) ReadFrom(r io.Reader) (int64, error) {
	if !w.begin() {
		return io.Copy(io.Discard, r)
	}
	return io.Copy(w.ResponseWriter, r)
}

func (w *writer) Flush() { w.FlushError() }

// FlushError is what http.ResponseController calls.
func (w *writer) FlushError() error {
	if !w.begin() {
		return nil
	}
	return http.NewResponseController(w.ResponseWriter).Flush()
}

// Hijack saves first: what is written to the connection is nobody's business but the caller's, so a cookie must be in the header that he
// writes. Where the session cannot be saved, the answer is Options.Error's and the connection stays the server's.
func (w *writer) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	if !w.begin() {
		return nil, nil, errNotLoaded
	}
	return http.NewResponseController(w.ResponseWriter).Hijack()
}

// Push is for those who still ask for an http.Pusher.
func (w *writer) Push(target string, opts *http.PushOptions) error {
	if p, ok := w.ResponseWriter.(http.Pusher); ok {
		return p.Push(target, opts)
	}
	return http.ErrNotSupported
}

// Unwrap is for http.ResponseController.
func (w *writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// begin saves the session and puts into the header of the response what clients and caches must know.
func (s *Session) begin(h http.Header) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.save()
	s.begun = true
	if !s.loaded {
		return nil
	}
	s.m.wire.vary(h)
	if err != nil {
		if s.loadErr == nil && !errors.Is(err, ErrEnded) {
			s.m.o.Logger.ErrorContext(s.r.Context(), "session: it could not be saved", "err", err)
		}
		return err
	}
	switch {
	case s.token != "":
		s.sendToken(h)
	case s.drop:
		s.m.wire.drop(h)
	}
	private(h, s.token != "" || s.drop)
	return nil
}

func (s *Session) sendToken(h http.Header) {
	var until time.Time
	if s.rec.remembered || s.m.o.Cookie.Persistent {
		until = s.rec.deadline
	}
	s.m.wire.send(h, s.token, until)
	if !s.m.wire.header && !s.m.o.Cookie.Insecure && isPlainLocal(s.r) && !s.m.hinted.Swap(true) {
		s.m.o.Logger.WarnContext(s.r.Context(), "session: a Secure cookie went out over plain http; browsers may drop it. For development set Cookie.Insecure")
	}
}

// finish saves what was changed after the first byte. There is nobody left to tell of an error but the log.
func (s *Session) finish() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.save(); err != nil && s.failed == nil {
		s.m.o.Logger.ErrorContext(s.r.Context(), "session: changes made after the response had begun are lost", "err", err)
	}
}
