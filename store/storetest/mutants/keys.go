package mutants

import (
	"context"
	"fmt"
	"iter"
	"net/url"
	"path"
	"strings"

	"github.com/larder-go/larder/store"
)

// rekey is a Map that files every valid key under another one.
func rekey(to func(key string) string) func(store.Expiry) store.Store {
	return breakMap(func(b *broken) {
		m := b.full
		k := func(key string) string {
			if store.CheckKey(key) != nil {
				return key // refused below
			}
			if key = to(key); key == "" {
				return "_"
			}
			return key
		}
		throughKeys(b, m, k)
	})
}

// throughKeys lets every method of b that takes a key see it through k.
func throughKeys(b *broken, m full, k func(string) string) {
	b.contains = func(ctx context.Context, key string) (bool, error) { return m.Contains(ctx, k(key)) }
	b.get = func(ctx context.Context, key string) ([]byte, error) { return m.Get(ctx, k(key)) }
	b.set = func(ctx context.Context, key string, v []byte) error { return m.Set(ctx, k(key), v) }
	b.delete = func(ctx context.Context, key string) error { return m.Delete(ctx, k(key)) }
	b.touch = func(ctx context.Context, key string) error { return m.Touch(ctx, k(key)) }
	b.load = func(ctx context.Context, key string) (*store.Item, error) { return m.Load(ctx, k(key)) }
	b.peek = func(ctx context.Context, key string) (*store.Item, error) { return m.Peek(ctx, k(key)) }
	b.swap = func(ctx context.Context, key string, old store.Version, item *store.Item) (store.Version, error) {
		return m.Swap(ctx, k(key), old, item)
	}
}

// accept is a Map that takes keys which it should refuse, after to has made valid ones of them.
func accept(to func(key string) string) func(store.Expiry) store.Store {
	return breakMap(func(b *broken) { throughKeys(b, b.full, to) })
}

func keyMutants() []Mutant {
	return []Mutant{
		{Name: "key-lower-case", Fault: "folds the case of keys", Seen: "certmagic's Safe; case-insensitive file systems", Case: "keys/pairs", New: rekey(strings.ToLower)},
		{Name: "key-stripped", Fault: "drops the characters of a key that a file name cannot have", Seen: "certmagic's Safe", Case: "keys/pairs",
			New: rekey(strings.NewReplacer(":", "", "\\", "", "*", "", "?", "").Replace)},
		{Name: "key-base-name", Fault: "takes the last element of a key as its file name", Seen: "gorilla/sessions #274, the mended version", Case: "keys/pairs",
			New: rekey(path.Base)},
		{Name: "key-joined", Fault: "joins the key to a folder and cleans the path", Seen: "gorilla/sessions before #274", Case: "keys/pairs",
			New: rekey(func(key string) string { return path.Join("/folder", key) })},
		{Name: "key-escape", Fault: "escapes a slash to what another key may contain as it is", Seen: "go-cloud before #3751", Case: "keys/pairs",
			New: rekey(strings.NewReplacer("/", "__0x2f__").Replace)},
		{Name: "key-space", Fault: "ignores spaces at the end of a key", Seen: "web.py's schema: char(128)", Case: "keys/pairs",
			New: rekey(func(key string) string { return strings.TrimRight(key, " ") })},
		{Name: "key-cut", Fault: "cuts keys at 250 bytes, the limit of memcached", Case: "keys/pairs", New: rekey(func(key string) string { return key[:min(len(key), 250)] })},
		{Name: "key-normal-form", Fault: "normalises keys", Seen: "macOS file systems", Case: "keys/pairs", New: rekey(strings.NewReplacer("e\u0301", "é").Replace)},
		{Name: "key-line", Fault: "sends the key raw in a protocol of lines, where it ends at the first line end", Seen: "memcached clients that do not check keys", Case: "keys/pairs",
			New: rekey(func(key string) string { before, _, _ := strings.Cut(key, "\r"); return before })},
		{Name: "key-escaped-twice", Fault: "unescapes keys that were never escaped", Case: "keys/pairs", New: rekey(func(key string) string {
			if plain, err := url.PathUnescape(key); err == nil && store.CheckKey(plain) == nil {
				return plain
			}
			return key
		})},
		{Name: "key-number", Fault: "keeps keys that look like numbers as numbers", Case: "keys/pairs", New: rekey(func(key string) string {
			if key != "0" && strings.Trim(key, "0123456789") == "" {
				return strings.TrimLeft(key, "0")
			}
			return key
		})},
		{Name: "key-own-file", Fault: "keeps something of its own beside each entry, under a name that is also a key", Seen: "go-cloud's fileblob: .attrs; web.py: .MainThread",
			Case: "keys/hostile", New: breakMap(func(b *broken) {
				b.set = func(ctx context.Context, key string, value []byte) error {
					if err := b.full.Set(ctx, key, value); err != nil || len(key) > 1000 {
						return err
					}
					return b.full.Set(ctx, key+".attrs", []byte("attributes"))
				}
			})},
		{Name: "key-empty", Fault: "takes the empty key", Seen: "gomemcache, where what follows is run as a command", Case: "keys/refused", New: accept(func(key string) string {
			if key == "" {
				return "the empty key"
			}
			return key
		})},
		{Name: "key-nul", Fault: "ends a key at a NUL byte", Seen: "whatever hands keys to C", Case: "keys/refused", New: accept(func(key string) string {
			if i := strings.IndexByte(key, 0); i > 0 {
				return key[:i]
			}
			return key
		})},
		{Name: "key-utf8", Fault: "replaces bytes that are not UTF-8", Seen: "encoding/json", Case: "keys/refused",
			New: accept(func(key string) string { return strings.ToValidUTF8(key, "\ufffd") })},
		{Name: "key-unchecked", Fault: "checks keys only where it writes", Case: "keys/refused", New: breakMap(func(b *broken) {
			b.contains = func(ctx context.Context, key string) (bool, error) {
				if store.CheckKey(key) != nil {
					return false, ctx.Err()
				}
				return b.full.Contains(ctx, key)
			}
		})},
		{Name: "key-short", Fault: "takes no key of more than 250 bytes", Seen: "memcached", Case: "keys/longest", New: accept(func(key string) string {
			if len(key) > 250 {
				return ""
			}
			return key
		})},
		{Name: "key-long", Fault: "takes keys of any length", Case: "keys/longest", New: accept(func(key string) string {
			if len(key) > store.MaxKeyLen {
				return fmt.Sprintf("%s %d", key[:900], len(key))
			}
			return key
		})},
		{Name: "key-listed-encoded", Fault: "lists the names of files, not the keys", Case: "keys/listed", New: breakMap(func(b *broken) {
			b.list = func(ctx context.Context, prefix string) iter.Seq2[store.Info, error] {
				return func(yield func(store.Info, error) bool) {
					for info, err := range b.full.List(ctx, prefix) {
						if info.Key = url.PathEscape(info.Key); !yield(info, err) {
							return
						}
					}
				}
			}
		})},
	}
}
