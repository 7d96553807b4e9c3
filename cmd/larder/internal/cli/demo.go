package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"syscall"

	"github.com/larder-go/larder/cleanup"
	"github.com/larder-go/larder/cmd/larder/internal/demo"
	"github.com/larder-go/larder/store"
	"github.com/spf13/cobra"
)

const (
	demoStore  = "file:./larder-demo"
	demoListen = "127.0.0.1:8080"
	freePort   = "127.0.0.1:0"
)

type demoResult struct {
	URL     string     `json:"url"`     // of the page
	Store   string     `json:"store"`   // the URL without its password
	Cleanup string     `json:"cleanup"` // the command that cleans the store up; "": nobody need, or it would show a password
	Admin   string     `json:"admin"`   // where one looks into the store; "": nowhere
	Users   []demoUser `json:"users"`
	Ring    *demoRing  `json:"ring"` // null: there is none
}

type demoRing struct {
	URL   string         `json:"url"`  // of its page
	Kind  string         `json:"kind"` // what the nodes are, in words
	Nodes []demoRingNode `json:"nodes"`
}

type demoRingNode struct {
	Name string `json:"name"`
	URL  string `json:"url"` // without its password
}

type demoUser struct {
	Name     string `json:"name"`
	Password string `json:"password"`
}

func (a *app) demoCommand() *cobra.Command {
	listen, adminAddress, onRing := "", "", false
	c := &cobra.Command{
		Use:   "demo",
		Short: "Serve a small web page that people can log in to",
		Long: "Serve a small web page that people can log in to, with sessions in the store: a\n" +
			"visit counter, a cart, a list of one's devices. It prints the address, who can log\n" +
			"in, and the command that cleans the store up. Ctrl-C ends it, with exit code 0; who\n" +
			"was logged in then still is when it is started again. With -q it prints the address\n" +
			"alone.\n\n" +
			"Sessions stand under keys that begin with " + demo.Prefix + "; nothing else in the\n" +
			"store is touched. It speaks plain http and is meant for this machine only.\n\n" +
			"With --ring the sessions are on several nodes, and a page of its own adds nodes,\n" +
			"removes them and sets their weights while people are logged in. The nodes are Redis\n" +
			"servers that the demo starts, or folders where none is installed, and end with it;\n" +
			"or those of --store shard:URL, which then nothing else may use.",
		Example: "  larder demo\n" +
			"  larder demo --ring\n" +
			"  larder demo --store redis://host\n" +
			"  larder demo --listen 127.0.0.1:0\n" +
			"  larder demo --store bolt:./demo.db --admin 127.0.0.1:8081",
		Annotations: map[string]string{storeAnnotation: demoStore},
		Args:        takesNone("--store URL says where the sessions are kept"),
		RunE: func(c *cobra.Command, _ []string) error {
			a.fallback = demoStore
			wished := c.Flags().Changed("listen")
			if !wished {
				listen = demoListen
			}
			if listen == "" { // which package net takes for any port on any address
				return usage("name one, as in --listen "+demoListen, "--listen is empty")
			}
			l, err := a.listen(listen, wished)
			if err != nil {
				return err
			}
			defer l.Close()
			var looks *demoAdmin
			if c.Flags().Changed(adminFlag) {
				if looks, err = a.listenAdmin(adminAddress); err != nil {
					return err
				}
				defer looks.listener.Close()
			}
			if onRing {
				return a.withRing(c, func(ctx context.Context, r *ringOfDemo) error { return a.demo(ctx, r, r, l, looks) })
			}
			return a.withStore(c, true, func(ctx context.Context, s store.Closer) error { return a.demo(ctx, s, nil, l, looks) })
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	c.Flags().StringVar(&listen, "listen", "", "serve on this `ADDRESS`; else "+demoListen+", or a free port")
	c.Flags().StringVar(&adminAddress, adminFlag, "", "serve the admin page at `ADDRESS`, unix:PATH or 127.0.0.1:0")
	c.Flags().BoolVar(&onRing, "ring", false, "keep the sessions on nodes that a page of its own changes")
	return a.exits.add(c, exitError, exitNoStore, exitLocked)
}

// listen listens where the user says. The default is no wish of his: where another program has that port, any other will do.
func (a *app) listen(address string, wished bool) (net.Listener, error) {
	l, err := net.Listen("tcp", address)
	if err == nil {
		return l, nil
	}
	switch {
	case !wished:
		if l, err = net.Listen("tcp", freePort); err == nil {
			a.note("another program listens on %s, so the demo takes a port that is free; --listen ADDRESS chooses one", address)
			return l, nil
		}
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, &failure{exitError, fmt.Errorf("another program listens on %s", address), "--listen " + freePort + " takes a port that is free"}
	case errors.Is(err, syscall.EACCES):
		return nil, &failure{exitError, fmt.Errorf("--listen %s: %w", address, syscall.EACCES), "ports below 1024 may need root; take a higher one"}
	}
	return nil, usage("an address of this machine and a port, as in --listen "+demoListen, "--listen %q: %w", address, addressError(err))
}

// addressError leaves out what only says that something was to be listened on.
func addressError(err error) error {
	if op := (*net.OpError)(nil); errors.As(err, &op) {
		return op.Err
	}
	return err
}

func (a *app) demo(ctx context.Context, s store.Closer, ring *ringOfDemo, l net.Listener, looks *demoAdmin) error {
	if t := a.expiry.Timeout; t > 0 && t < demo.LeastTimeout {
		return usage("write x-timeout=30m, or leave it out", "x-timeout=%s in the store's URL is too short for the demo: nobody would stay logged in; it needs %s at least",
			t, age(demo.LeastTimeout))
	}
	// Package session warns of a cookie that is not Secure in words for those who know its options; loudly does for the others.
	level := new(slog.LevelVar)
	level.Set(slog.LevelError)
	logger := slog.New(slog.NewTextHandler(a.stderr, &slog.HandlerOptions{Level: level}))
	where := a.backend.Name
	if where == "" {
		where = "a store"
	}
	if ring != nil {
		where = "a ring of nodes"
	}
	observed, err := looks.observe(s, where, logger)
	if err != nil {
		return err
	}
	page, err := ring.page(observed, where, logger)
	if err != nil {
		return err
	}
	if !a.quiet {
		level.Set(slog.LevelWarn)
	}
	a.loudly(l.Addr())
	cleaner := a.cleaner(looks)
	if ring.temporary() {
		cleaner = ring.cleaner()
	}
	if cleaner.within {
		var cleaning sync.WaitGroup
		defer cleaning.Wait()
		ctx, stop := context.WithCancel(ctx)
		defer stop()
		cleaning.Go(func() { cleanup.Loop(ctx, s, &cleanup.Options{Logger: logger, OnReport: looks.swept}) })
	}
	result := demoResult{URL: pageURL(l.Addr()), Store: store.Redact(a.secret), Cleanup: cleaner.command}
	result.Ring = ring.told(result.URL)
	for name, password := range demo.Users() {
		result.Users = append(result.Users, demoUser{name, password})
	}
	if looks != nil {
		result.Admin = looks.url
	}
	text := result.text(cleaner)
	if a.quiet {
		text = strings.TrimSpace(result.URL + "\n" + result.Admin) // with port 0, nobody else knows it
	}
	if err := a.result(result, text); err != nil {
		return err
	}
	if err := a.out.Flush(); err != nil { // it will be long until the command ends
		return err
	}
	return looks.serve(ctx, l, page, logger)
}

// loudly says what is not as it must be on a server of one's own; where other machines can see it, under --quiet too.
func (a *app) loudly(addr net.Addr) {
	const plain = "WARNING: PLAIN HTTP, SO COOKIES ARE NOT SECURE: whoever is on the way can read them"
	if ip, ok := addr.(*net.TCPAddr); ok && ip.IP.IsLoopback() {
		if a.quiet {
			return
		}
		fmt.Fprintf(a.stderr, "%s. This demo is for this machine only.\n", plain)
		return
	}
	fmt.Fprintf(a.stderr, "%s, and --listen lets other machines in.\n", plain)
}

// pageURL is what to write into a browser.
func pageURL(addr net.Addr) string {
	host, port, _ := net.SplitHostPort(addr.String())
	if ip := net.ParseIP(host); ip.IsUnspecified() {
		host = "localhost"
	}
	return "http://" + net.JoinHostPort(host, port)
}

func (r *demoResult) text(cleaner cleaner) string {
	var b strings.Builder
	fmt.Fprintf(&b, "The demo is at   %s\n", r.URL)
	if r.Ring != nil {
		fmt.Fprintf(&b, "The ring is at   %s\n", r.Ring.URL)
	}
	b.WriteString("\n")
	label := "Log in as"
	for _, u := range r.Users {
		fmt.Fprintf(&b, "%-16s %-7s %s\n", label, u.Name, u.Password)
		label = ""
	}
	if r.Ring != nil {
		r.Ring.text(&b)
	} else {
		fmt.Fprintf(&b, "Sessions are in  %s\n", r.Store)
	}
	if r.Admin != "" {
		fmt.Fprintf(&b, "%-16s %s\n", "To look inside", r.Admin)
	}
	label = "To clean it up"
	for _, line := range cleaner.text {
		fmt.Fprintf(&b, "%-16s %s\n", label, line)
		label = ""
	}
	b.WriteString("\nCtrl-C ends the demo.")
	return b.String()
}
