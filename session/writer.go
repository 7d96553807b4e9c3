package session

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/larder-go/larder/store"
)

// writer saves the session before the first byte of the response, and hands everything on. It keeps what the server's own writer can do:
// Flush, Hijack, ReadFrom, and by Unwrap the rest of http.ResponseController.
//
// Where the session cannot be saved, Options.Error writes another answer in place of the handler's, and all that the handler writes is
// refused with the reason. To take it and drop it was tried: then a stream, or a download without end, goes on for nobody, and its client
// waits for the end of an answer that is complete.
type writer struct {
	http.ResponseWriter
	s        *Session
	r        *http.Request // as the handler has it
	begun    bool
	hijacked bool
	failed   error       // why the answer is not the handler's
	void     http.Header // for the handler's, then
	before   []headerField
	room     [6]headerField // for before, where the middleware outside has set no more
}

// headerField is one that stood in the header of the response before the handler was called.
type headerField struct {
	name   string
	values []string
}

func (w *writer) reset(under http.ResponseWriter, s *Session) {
	w.ResponseWriter, w.s, w.before = under, s, w.room[:0]
	for name, values := range under.Header() {
		w.before = append(w.before, headerField{name, values})
	}
}

// restore leaves nothing in the header of what the handler has put there: neither the length, type and validators of an answer that is
// not sent, nor a cookie that goes with it, nor a field by which a proxy would send a file in place of this answer. What stood there
// before stays, for those who put it there, as one who compresses or allows other origins, do so to every answer.
func (w *writer) restore(h http.Header) {
	clear(h)
	for _, f := range w.before {
		h[f.name] = f.values
	}
}

// begin saves, once. An error says that the response is not the handler's.
func (w *writer) begin() error {
	if w.begun {
		return w.failed
	}
	w.begun = true
	if err := w.s.begin(w); err != nil {
		w.s.m.o.Error(w.ResponseWriter, w.r, err)
		w.failed = store.Wrap("session", "answer", err)
	}
	return w.failed
}

// finish ends the request, after the handler: it begins a response that nothing was written to, or saves what has changed since the first
// byte.
func (w *writer) finish() {
	switch {
	case !w.begun:
		w.begin()
	case w.failed == nil: // else the client was told that nothing is saved
		w.s.finish()
	}
}

// aborted has the panic with which a handler gives its response up end here, if the response is another one, which the server would cut
// off: httputil.ReverseProxy panics where it cannot write, others do with the error that we gave them.
func (w *writer) aborted() {
	w.s.returns(w.hijacked)
	if w.failed == nil {
		return
	}
	switch p := recover().(type) {
	case nil:
	case error:
		if p != http.ErrAbortHandler && !errors.Is(p, w.failed) {
			panic(p)
		}
	default:
		panic(p)
	}
}

func (w *writer) Header() http.Header {
	if w.failed == nil {
		return w.ResponseWriter.Header()
	}
	if w.void == nil {
		w.void = http.Header{}
	}
	return w.void
}

func (w *writer) WriteHeader(code int) {
	if code >= 100 && code < 200 && code != http.StatusSwitchingProtocols && w.failed == nil {
		w.ResponseWriter.WriteHeader(code) // informational: the response is still to come
		return
	}
	if w.begin() == nil {
		w.ResponseWriter.WriteHeader(code)
	}
}

func (w *writer) Write(p []byte) (int, error) {
	if err := w.begin(); err != nil {
		return 0, err
	}
	return w.ResponseWriter.Write(p)
}

func (w *writer) WriteString(s string) (int, error) {
	if err := w.begin(); err != nil {
		return 0, err
	}
	return io.WriteString(w.ResponseWriter, s)
}

// ReadFrom lets the server use sendfile.
func (w *writer) ReadFrom(r io.Reader) (int64, error) {
	if err := w.begin(); err != nil {
		return 0, err
	}
	return io.Copy(w.ResponseWriter, r)
}

func (w *writer) Flush() { w.FlushError() }

// FlushError is what http.ResponseController calls. It sends the answer that there is, the handler's or the other one.
func (w *writer) FlushError() error {
	failed := w.begin()
	err := http.NewResponseController(w.ResponseWriter).Flush()
	if failed != nil {
		return failed
	}
	return err
}

// Hijack saves first: what is written to the connection is nobody's business but the caller's, so a cookie must be in the header that he
// writes. Where the session cannot be saved, the answer is Options.Error's and the connection stays the server's.
func (w *writer) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	if err := w.begin(); err != nil {
		return nil, nil, err
	}
	conn, buffered, err := http.NewResponseController(w.ResponseWriter).Hijack()
	w.hijacked = err == nil
	return conn, buffered, err
}

// Push is for those who still ask for an http.Pusher.
func (w *writer) Push(target string, opts *http.PushOptions) error {
	if p, ok := w.ResponseWriter.(http.Pusher); ok {
		return p.Push(target, opts)
	}
	return http.ErrNotSupported
}

// CloseNotify is for those who still ask for an http.CloseNotifier and panic where there is none, such as the Stream of gin.
func (w *writer) CloseNotify() <-chan bool {
	if n, ok := w.ResponseWriter.(interface{ CloseNotify() <-chan bool }); ok {
		return n.CloseNotify()
	}
	gone := make(chan bool, 1)
	context.AfterFunc(w.s.r.Context(), func() { gone <- true })
	return gone
}

// Unwrap is for http.ResponseController.
func (w *writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// begin saves the session and puts into the header of the response what clients and caches must know.
func (s *Session) begin(w *writer) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.unsaved
	if err == nil { // else the handler knows that nothing is saved, and may have told so
		err = s.save(false)
	}
	s.begun = true
	if !s.loaded {
		return nil
	}
	h := w.ResponseWriter.Header()
	if err != nil {
		if s.loadErr == nil && !errors.Is(err, ErrEnded) {
			s.m.o.Logger.ErrorContext(s.r.Context(), "session: it could not be saved", "err", err)
		}
		w.restore(h)
	}
	s.m.wire.vary(h)
	// What was done in the store by Save or Destroy, before the error, the client is told all the same: a login's old id is dead already.
	switch {
	case s.token != "":
		s.sendToken(h)
	case s.drop:
		s.m.wire.drop(h)
	}
	private(h, s.token != "" || s.drop || err != nil)
	return err
}

func (s *Session) sendToken(h http.Header) {
	var until time.Time
	if s.rec.remembered || s.m.o.Cookie.Persistent {
		until = s.rec.deadline
	}
	s.m.wire.send(h, s.token, until)
	if !s.m.wire.header && !s.m.o.Cookie.Insecure && isPlainLocal(s.r) && !s.m.hinted.Swap(true) {
		s.m.o.Logger.WarnContext(s.r.Context(), "session: a Secure cookie went out over plain http; browsers may drop it. "+
			"For development set Cookie.Insecure")
	}
}

// finish saves what was changed after the first byte. There is nobody left to tell of an error but the log.
func (s *Session) finish() {
	s.mu.Lock()
	defer s.mu.Unlock()
	told := s.failed != nil
	if err := s.save(false); err != nil && !told {
		s.m.o.Logger.ErrorContext(s.r.Context(), "session: changes made after the response had begun are lost", "err", err)
	}
}

// returns notes that nobody saves any more what is changed from now on, unless it is who has hijacked the connection.
func (s *Session) returns(hijacked bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.returned = !hijacked
}
