package demo

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"testing"
)

// TestServe: a request that is under way when the demo is to end gets its answer, and no other is taken.
func TestServe(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	begun, answer := make(chan struct{}), make(chan struct{})
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(begun)
		<-answer
		if r.Context().Err() != nil {
			t.Error("the request was cut off")
		}
		io.WriteString(w, "done")
	})
	var log bytes.Buffer
	served := make(chan error, 1)
	go func() { served <- Serve(ctx, l, h, slog.New(slog.NewTextHandler(&log, nil))) }()
	got := make(chan string, 1)
	go func() {
		response, err := http.Get("http://" + l.Addr().String())
		if err != nil {
			got <- err.Error()
			return
		}
		defer response.Body.Close()
		body, _ := io.ReadAll(response.Body)
		got <- string(body)
	}()
	<-begun
	cancel()
	for err == nil { // until the listener is closed
		var c net.Conn
		if c, err = net.Dial("tcp", l.Addr().String()); err == nil {
			c.Close()
		}
	}
	select {
	case err := <-served:
		t.Fatalf("ended before the request: %v", err)
	default:
	}
	close(answer)
	if text := <-got; text != "done" {
		t.Errorf("the answer is %q", text)
	}
	if err := <-served; err != nil || log.Len() > 0 {
		t.Errorf("%v, %s", err, &log)
	}
}

// TestServeFails: a listener that is at fault ends it with its error.
func TestServeFails(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	if err := Serve(t.Context(), l, http.NotFoundHandler(), slog.New(slog.DiscardHandler)); err == nil {
		t.Error("no error")
	}
}
