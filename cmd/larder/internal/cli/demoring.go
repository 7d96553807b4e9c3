package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"sync"

	"github.com/larder-go/larder/cmd/larder/internal/demo"
	"github.com/larder-go/larder/shard"
	"github.com/larder-go/larder/store"
	"github.com/spf13/cobra"
)

// ringOfDemo is the ring of larder demo --ring, and what is told of it.
type ringOfDemo struct {
	*demo.Ring
	kind   string // in words
	folder string // of its nodes, which end with the demo; "": they are somebody else's
	begun  string // the URL with which it began
}

// Close ends it, and what was started for it.
func (r *ringOfDemo) Close() error {
	err := r.Ring.Close()
	if r.folder != "" {
		err = errors.Join(err, os.RemoveAll(r.folder))
	}
	return err
}

// withRing calls do with the ring, and closes it.
func (a *app) withRing(c *cobra.Command, do func(context.Context, *ringOfDemo) error) (err error) {
	ctx := c.Context()
	r, err := a.openRing(ctx, c)
	if err != nil {
		return err
	}
	defer func() {
		now := r.nowURL()
		if closeErr := r.Close(); err == nil {
			err = closeErr
		}
		if changed := now != r.begun; changed && r.folder == "" {
			a.note("the set is another now; its URL is %s", now)
		}
	}()
	r.begun = r.nowURL()
	if a.expiry, err = store.ExpiryOf(r); errors.Is(err, errors.ErrUnsupported) {
		err = nil
	}
	if err != nil {
		return err
	}
	if r.folder != "" {
		a.secret, a.from = r.begun, "the demo"
	}
	return do(ctx, r)
}

// nowURL names the set as it is, without passwords.
func (r *ringOfDemo) nowURL() string {
	var nodes, weights []string
	for _, n := range r.Nodes() {
		nodes = append(nodes, nodePair(n.Name, n.URL))
		if n.Weight != 1 {
			weights = append(weights, "weight="+escape(n.Name)+":"+strconv.Itoa(n.Weight))
		}
	}
	return shardScheme + ":?" + strings.Join(append(nodes, weights...), "&")
}

// page is the demo, with the page of the ring if there is one.
func (r *ringOfDemo) page(s store.Store, where string, logger *slog.Logger) (*demo.Demo, error) {
	if r == nil {
		return demo.New(s, where, logger)
	}
	return demo.NewOnRing(s, r.Ring, where, logger)
}

// temporary reports whether the nodes end with the demo.
func (r *ringOfDemo) temporary() bool { return r != nil && r.folder != "" }

// cleaner is for nodes that end with the demo. Folders forget nothing by themselves.
func (r *ringOfDemo) cleaner() cleaner {
	return cleaner{text: []string{"nothing to do: the demo does, and the nodes end with it"}, within: true}
}

func (r *ringOfDemo) told(page string) *demoRing {
	if r == nil {
		return nil
	}
	t := &demoRing{URL: page + "/ring", Kind: r.kind}
	for _, n := range r.Nodes() {
		t.Nodes = append(t.Nodes, demoRingNode{n.Name, n.URL})
	}
	return t
}

func (t *demoRing) text(b *strings.Builder) {
	label := "Sessions are on"
	for _, n := range t.Nodes {
		fmt.Fprintf(b, "%-16s %s  %s\n", label, n.Name, n.URL)
		label = ""
	}
	fmt.Fprintf(b, "%-16s %s\n", "", t.Kind)
}

// openRing opens the ring that --store names, or starts one of its own.
func (a *app) openRing(ctx context.Context, c *cobra.Command) (*ringOfDemo, error) {
	if !c.Flags().Changed(storeFlag) {
		return a.startRing(ctx)
	}
	r, err := a.readRing(c)
	switch {
	case err != nil:
		return nil, err
	case r.Next != nil:
		return nil, usage("end that first: larder ring rebalance, and then the URL of the next set alone", "the set of the ring is changing")
	case r.view != store.Store(r.spy):
		return nil, usage("leave it out; the demo's keys begin with "+demo.Prefix, "the demo's ring takes no x-prefix")
	}
	from := &givenNodes{mux: a.nodeMux(a.from, true), urls: r.URLs}
	var nodes []demo.RingNode
	for _, n := range r.Now.Nodes() {
		node, err := from.open(ctx, n)
		if err != nil {
			return nil, errors.Join(err, closeAll(nodes))
		}
		nodes = append(nodes, node)
	}
	return a.newRing(nodes, "The nodes of "+store.Redact(a.secret), from.again)
}

func (a *app) newRing(nodes []demo.RingNode, kind string, more func(context.Context) (demo.RingNode, error)) (*ringOfDemo, error) {
	r, err := demo.NewRing(nodes, kind, more)
	if err != nil {
		return nil, errors.Join(err, closeAll(nodes))
	}
	return &ringOfDemo{Ring: r, kind: kind}, nil
}

func closeAll(nodes []demo.RingNode) error {
	var all []error
	for _, n := range nodes {
		all = append(all, n.Close())
	}
	return errors.Join(all...)
}

// givenNodes are those of a URL. One that was removed may be added again.
type givenNodes struct {
	mux  store.Mux
	urls map[string]string

	mu   sync.Mutex
	idle []shard.Node
}

func (g *givenNodes) open(ctx context.Context, n shard.Node) (demo.RingNode, error) {
	s, err := g.mux.Open(ctx, g.urls[n.Name])
	if err != nil {
		return demo.RingNode{}, fmt.Errorf("node %q: %w", n.Name, err)
	}
	close := func() error {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.idle = append(g.idle, n)
		return s.Close()
	}
	return demo.RingNode{Name: n.Name, URL: store.Redact(g.urls[n.Name]), Weight: n.Weight, Store: s, Close: close}, nil
}

// again opens one that was removed.
func (g *givenNodes) again(ctx context.Context) (demo.RingNode, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.idle) == 0 {
		return demo.RingNode{}, demo.ErrNoMore
	}
	n, err := g.open(ctx, g.idle[0])
	if err == nil {
		g.idle = g.idle[1:]
	}
	return n, err
}
