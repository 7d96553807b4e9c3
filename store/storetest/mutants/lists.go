package mutants

import (
	"context"
	"iter"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/larder-go/larder/store"
)

type listFunc = func(ctx context.Context, prefix string) iter.Seq2[store.Info, error]

func breakList(list func(p *plain) listFunc) func(store.Expiry) store.Store {
	return breakPlain(func(b *broken, p *plain) { b.list = list(p) })
}

// each is a List that hands every pair to f, which yields what it likes.
func each(f func(info store.Info, err error, yield func(store.Info, error) bool) bool) func(p *plain) listFunc {
	return func(p *plain) listFunc {
		return func(ctx context.Context, prefix string) iter.Seq2[store.Info, error] {
			return func(yield func(store.Info, error) bool) {
				for info, err := range p.List(ctx, prefix) {
					if !f(info, err, yield) {
						return
					}
				}
			}
		}
	}
}

func listMutants() []Mutant {
	return []Mutant{
		{Name: "list-one-page", Fault: "yields the first page and no more", Case: "list/all", New: breakList(func(p *plain) listFunc {
			return func(ctx context.Context, prefix string) iter.Seq2[store.Info, error] {
				return func(yield func(store.Info, error) bool) {
					n := 0
					for info, err := range p.List(ctx, prefix) {
						if n++; n > 256 || !yield(info, err) {
							return
						}
					}
				}
			}
		})},
		{Name: "list-like", Fault: "takes the prefix for a pattern of SQL", Seen: "LIKE without ESCAPE", Case: "list/prefix", New: breakList(func(p *plain) listFunc {
			return func(ctx context.Context, prefix string) iter.Seq2[store.Info, error] {
				pattern := strings.NewReplacer("%", "(?s:.*)", "_", "(?s:.)").Replace(regexp.QuoteMeta(prefix))
				like := regexp.MustCompile("^" + pattern)
				return func(yield func(store.Info, error) bool) {
					for info, err := range p.List(ctx, "") {
						if (err != nil || like.MatchString(info.Key)) && !yield(info, err) {
							return
						}
					}
				}
			}
		})},
		{Name: "list-prefix-ignored", Fault: "ignores the prefix", Case: "list/prefix", New: breakList(func(p *plain) listFunc {
			return func(ctx context.Context, _ string) iter.Seq2[store.Info, error] { return p.List(ctx, "") }
		})},
		{Name: "list-size", Fault: "tells the size of the record, not that of the value", Case: "list/info", New: breakList(each(func(info store.Info, err error, yield func(store.Info, error) bool) bool {
			info.Size += 64
			return yield(info, err)
		}))},
		{Name: "list-deadline", Fault: "does not tell deadlines", Case: "list/info", New: breakList(each(func(info store.Info, err error, yield func(store.Info, error) bool) bool {
			return yield(store.Info{Key: info.Key, Size: info.Size, Atime: info.Atime}, err)
		}))},
		{Name: "list-locked", Fault: "holds its lock while the loop body runs", Seen: "a cursor inside a transaction", Case: "list/body", New: breakList(func(p *plain) listFunc {
			return func(ctx context.Context, prefix string) iter.Seq2[store.Info, error] {
				return func(yield func(store.Info, error) bool) {
					if err := p.enter(ctx, "list", "any"); err != nil {
						yield(store.Info{}, err)
						return
					}
					defer p.mu.Unlock()
					for key, item := range p.items {
						if strings.HasPrefix(key, prefix) && p.live(key) != nil && !yield(store.Info{Key: key, Size: int64(len(item.Value)), Atime: item.Atime, Expires: item.Expires}, nil) {
							return
						}
					}
				}
			}
		})},
		{Name: "list-break", Fault: "keeps its lock where the loop is left early", Case: "list/break", New: breakPlain(func(b *broken, p *plain) {
			busy := make(chan struct{}, 1)
			b.list = func(ctx context.Context, prefix string) iter.Seq2[store.Info, error] {
				return func(yield func(store.Info, error) bool) {
					select {
					case busy <- struct{}{}:
					default:
						yield(store.Info{}, store.Wrap("plain", "list", store.ErrUnavailable))
						return
					}
					for info, err := range p.List(ctx, prefix) {
						if !yield(info, err) {
							return
						}
					}
					<-busy
				}
			}
		})},
		{Name: "list-offset", Fault: "pages by offset, so that a removal before it hides an entry", Seen: "LIMIT ... OFFSET", Case: "list/during-writes", New: breakList(func(p *plain) listFunc {
			return func(ctx context.Context, prefix string) iter.Seq2[store.Info, error] {
				return func(yield func(store.Info, error) bool) {
					for offset := 0; ; time.Sleep(20 * time.Microsecond) {
						if err := p.enter(ctx, "list", "any"); err != nil {
							yield(store.Info{}, err)
							return
						}
						keys := slices.Sorted(maps.Keys(p.items))
						p.mu.Unlock()
						if offset >= len(keys) {
							return
						}
						for _, key := range keys[offset:min(offset+3, len(keys))] {
							offset++
							if info, ok := p.info(key); ok && strings.HasPrefix(key, prefix) && !yield(info, nil) {
								return
							}
						}
					}
				}
			}
		})},
		{Name: "list-after-cancel", Fault: "goes on when its context has ended", Case: "list/cancel", New: breakList(func(p *plain) listFunc {
			return func(_ context.Context, prefix string) iter.Seq2[store.Info, error] {
				return p.List(context.Background(), prefix)
			}
		})},
		{Name: "list-quiet-end", Fault: "ends without an error when its context has ended", Case: "list/cancel",
			New: breakList(each(func(info store.Info, err error, yield func(store.Info, error) bool) bool {
				return err == nil && yield(info, nil)
			}))},
		{Name: "list-deleted", Fault: "lists what it has in an index that deletes do not reach", Case: "list/deleted", New: breakPlain(func(b *broken, p *plain) {
			b.delete = func(ctx context.Context, key string) error {
				item, err := p.Peek(ctx, key)
				if err == store.ErrNotFound {
					return nil
				} else if err != nil {
					return err
				}
				p.mu.Lock()
				defer p.mu.Unlock()
				p.items["deleted "+key] = item
				delete(p.items, key)
				return nil
			}
		})},
	}
}
