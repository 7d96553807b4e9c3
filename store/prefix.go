package store

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"
)

// Prefix returns a view of s in which every key stands under p + key, with every ability that s has. It lists, sweeps
// and cleans up only what is under p. End p with a separator, for "a" + "bc" and "ab" + "c" are one key. p must
// itself be a valid key; p and key together may not be longer than [MaxKeyLen], else [ErrInvalidKey].
//
// An entry of s whose key is p itself is not in the view. A [Reserved] key of the view is one of s, with p in it, so that each
// view has its own. A key that is made a reserved one by p is [ErrInvalidKey].
//
// Cleanup with an idle time needs [Sweeper] underneath, since a plain Cleanup knows no prefix.
func Prefix(s Store, p string) Store { return &prefixed{s: s, p: p, bad: CheckKey(p)} }

var (
	_ Toucher = (*prefixed)(nil)
	_ Lister  = (*prefixed)(nil)
	_ Resumer = (*prefixed)(nil)
	_ Swapper = (*prefixed)(nil)
	_ Sweeper = (*prefixed)(nil)

	_ Inspector = (*prefixed)(nil)
	_ Expirer   = (*prefixed)(nil)
)

type prefixed struct {
	s   Store
	p   string
	bad error // what CheckKey says of p
}

// key checks p, key and both together: halves of a character would make a valid key of two invalid ones.
func (v *prefixed) key(op, key string) (string, error) {
	if v.bad != nil {
		return "", Wrap("store", op, fmt.Errorf("prefix: %w", v.bad))
	}
	if err := CheckKey(key); err != nil {
		return "", Wrap("store", op, err)
	}
	full := v.p + key
	if Reserved(key) {
		full = reservedUnder(v.p, key)
	} else if Reserved(full) {
		return "", Wrap("store", op, fmt.Errorf("%w: with its prefix it is a reserved one", ErrInvalidKey))
	}
	if len(full) <= MaxKeyLen {
		return full, nil
	}
	return "", Wrap("store", op, fmt.Errorf("%w: with its prefix it is over %d bytes", ErrInvalidKey, MaxKeyLen))
}

// swapKey is key for the methods of Swapper, which must say that they are unsupported before they look at the key.
func (v *prefixed) swapKey(op, key string) (string, error) {
	full, err := v.key(op, key)
	if err != nil && !CanSwap(v.s) {
		err = unsupported(op, v.s)
	}
	return full, err
}

func (v *prefixed) Contains(ctx context.Context, key string) (bool, error) {
	key, err := v.key("contains", key)
	if err != nil {
		return false, err
	}
	return v.s.Contains(ctx, key)
}

func (v *prefixed) Get(ctx context.Context, key string) ([]byte, error) {
	key, err := v.key("get", key)
	if err != nil {
		return nil, err
	}
	return v.s.Get(ctx, key)
}

func (v *prefixed) Set(ctx context.Context, key string, value []byte) error {
	key, err := v.key("set", key)
	if err != nil {
		return err
	}
	return v.s.Set(ctx, key, value)
}

func (v *prefixed) Delete(ctx context.Context, key string) error {
	key, err := v.key("delete", key)
	if err != nil {
		return err
	}
	return v.s.Delete(ctx, key)
}

// Cleanup falls back to the whole store's only where that removes nothing that anybody could still read.
func (v *prefixed) Cleanup(ctx context.Context, idle time.Duration) (int, error) {
	r, err := v.Sweep(ctx, SweepOptions{Idle: idle})
	if idle <= 0 && errors.Is(err, errors.ErrUnsupported) {
		return v.s.Cleanup(ctx, idle)
	}
	return r.Removed, err
}

func (v *prefixed) Touch(ctx context.Context, key string) error {
	key, err := v.key("touch", key)
	if err != nil {
		return err
	}
	return Touch(ctx, v.s, key)
}

func (v *prefixed) Load(ctx context.Context, key string) (*Item, error) {
	key, err := v.swapKey("load", key)
	if err != nil {
		return nil, err
	}
	return Load(ctx, v.s, key)
}

func (v *prefixed) Peek(ctx context.Context, key string) (*Item, error) {
	key, err := v.swapKey("peek", key)
	if err != nil {
		return nil, err
	}
	return Peek(ctx, v.s, key)
}

func (v *prefixed) Swap(ctx context.Context, key string, old Version, item *Item) (Version, error) {
	key, err := v.swapKey("swap", key)
	if err != nil {
		return "", err
	}
	return Swap(ctx, v.s, key, old, item)
}

func (v *prefixed) List(ctx context.Context, prefix string) iter.Seq2[Info, error] {
	return func(yield func(Info, error) bool) {
		if v.bad != nil && CanList(v.s) {
			yield(Info{}, Wrap("store", "list", v.bad))
			return
		}
		v.shorten(List(ctx, v.s, v.p+prefix))(yield)
	}
}

func (v *prefixed) ListAfter(ctx context.Context, prefix, after string) iter.Seq2[Info, error] {
	return func(yield func(Info, error) bool) {
		if v.bad != nil && CanListAfter(v.s) {
			yield(Info{}, Wrap("store", "list after", v.bad))
			return
		}
		if after != "" {
			after = v.p + after
		}
		v.shorten(ListAfter(ctx, v.s, v.p+prefix, after))(yield)
	}
}

// shorten takes p off the keys of a list, and leaves out what is not in the view: what stands under p itself, for no key of the
// view is empty, and what only looks reserved from here.
func (v *prefixed) shorten(list iter.Seq2[Info, error]) iter.Seq2[Info, error] {
	return func(yield func(Info, error) bool) {
		for info, err := range list {
			info.Key = strings.TrimPrefix(info.Key, v.p)
			if err == nil && (info.Key == "" || Reserved(info.Key)) {
				continue
			}
			if !yield(info, err) {
				return
			}
		}
	}
}

// Sweep asks a store that cannot sweep, too: one that expires by itself may know that nothing is left to do.
func (v *prefixed) Sweep(ctx context.Context, o SweepOptions) (SweepReport, error) {
	if v.bad != nil && CanSweep(v.s) {
		return SweepReport{}, Wrap("store", "sweep", v.bad)
	} else if v.bad != nil {
		return SweepReport{}, unsupported("sweep", v.s)
	}
	o.Prefix = v.p + o.Prefix
	return Sweep(ctx, v.s, o)
}

// Expiry is that of the whole store.
func (v *prefixed) Expiry() (Expiry, error) { return ExpiryOf(v.s) }

// Inspect tells of the whole store.
func (v *prefixed) Inspect(ctx context.Context) ([]Fact, error) { return Inspect(ctx, v.s) }
