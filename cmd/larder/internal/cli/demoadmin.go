package cli

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/larder-go/larder/admin"
	"github.com/larder-go/larder/cleanup"
	"github.com/larder-go/larder/cmd/larder/internal/demo"
	"github.com/larder-go/larder/store"
)

// demoAdmin is the demo's other listener: to look inside the store, to sweep it, to sign people out.
type demoAdmin struct {
	listener net.Listener
	url      string // for larder cleanup --admin, and, on TCP, for a browser
	handler  *admin.Handler
	page     *demo.Demo
}

// listenAdmin listens where --admin says: on a unix socket that only this user can open, or on a loopback address. Anything else is refused,
// for whoever gets there may remove what he likes, and is not asked who he is.
func (a *app) listenAdmin(address string) (*demoAdmin, error) {
	const examples = "unix:./larder-admin.sock and 127.0.0.1:8081 are examples"
	if path, ok := strings.CutPrefix(address, "unix:"); ok {
		if path == "" {
			return nil, usage(examples, "--admin unix: names no socket")
		}
		path, err := filepath.Abs(path)
		if err != nil {
			return nil, err
		}
		l, err := listenPrivately(path)
		if err != nil {
			return nil, err
		}
		return &demoAdmin{listener: l, url: socketURL(path)}, nil
	}
	if address == "" {
		return nil, usage("name one; "+examples, "--admin is empty")
	}
	tcp, err := net.ResolveTCPAddr("tcp", address)
	switch {
	case err != nil:
		return nil, usage(examples, "--admin %q: %w", address, addressError(err))
	case !tcp.IP.IsLoopback():
		return nil, usage("take 127.0.0.1, or a unix socket; a program of your own mounts admin.Handler behind its login",
			"--admin %q lets other machines in, and the handler asks nobody who he is", address)
	}
	l, err := net.ListenTCP("tcp", tcp)
	if err != nil {
		return nil, &failure{exitError, fmt.Errorf("--admin %s: %w", address, addressError(err)), "take another port; 127.0.0.1:0 takes one that is free"}
	}
	return &demoAdmin{listener: l, url: "http://" + l.Addr().String() + "/"}, nil
}

// socketURL is what larder cleanup --admin takes.
func socketURL(path string) string {
	return "http+unix://" + strings.ReplaceAll((&url.URL{Path: filepath.ToSlash(path)}).EscapedPath(), ":", "%3A")
}

// observe returns s as the demo has to use it, so that what it does is seen. nil: nobody looks.
func (d *demoAdmin) observe(s store.Store, where string, logger *slog.Logger) (store.Store, error) {
	if d == nil {
		return s, nil
	}
	// Any idle time may be swept by: to see what that does is what a demo is for.
	o := &admin.Options{Title: "Larder demo, in " + where, AllowWrites: true, LeastIdle: -1, Logger: logger,
		SignOut: func(ctx context.Context, user string) error { return d.page.SignOut(ctx, user) }}
	var err error
	d.handler, err = admin.New(s, o)
	return store.Observe(s, d.handler), err
}

// swept shows what the demo's own cleanup has done.
func (d *demoAdmin) swept(r cleanup.Report, err error) {
	if d != nil {
		d.handler.Swept(r, err)
	}
}

// serve serves both until ctx ends, or one of them fails.
func (d *demoAdmin) serve(ctx context.Context, l net.Listener, page *demo.Demo, logger *slog.Logger) error {
	if d == nil {
		return demo.Serve(ctx, l, page, logger)
	}
	d.page = page
	ctx, stop := context.WithCancel(ctx)
	failed := make(chan error, 1)
	go func() {
		defer stop()
		failed <- demo.Serve(ctx, d.listener, d.handler, logger)
	}()
	err := demo.Serve(ctx, l, page, logger)
	stop()
	if adminErr := <-failed; err == nil {
		err = adminErr
	}
	return err
}
