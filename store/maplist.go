package store

import (
	"context"
	"fmt"
	"hash/maphash"
	"iter"
	"os"
	"sort"
	"strings"
)

// List copies what it tells of one shard at a time.
func (m *Map) List(ctx context.Context, prefix string) iter.Seq2[Info, error] {
	return func(yield func(Info, error) bool) { m.list(ctx, "list", prefix, "", false, yield) }
}

// ListAfter goes by shards and in each by keys, so that a page of a large Map costs the sorting of one shard, and not of all.
func (m *Map) ListAfter(ctx context.Context, prefix, after string) iter.Seq2[Info, error] {
	return func(yield func(Info, error) bool) { m.list(ctx, "list after", prefix, after, true, yield) }
}

func (m *Map) list(ctx context.Context, op, prefix, after string, sorted bool, yield func(Info, error) bool) {
	first := 0
	if after != "" {
		if err := CheckKey(after); err != nil {
			yield(Info{}, Wrap("store", op, fmt.Errorf("the key to begin behind: %w", err)))
			return
		}
		first = m.shardOf(after)
	}
	var infos []Info
	for i := first; i < mapShards; i++ {
		if err := m.ready(ctx, op); err != nil {
			yield(Info{}, err)
			return
		}
		infos = m.infos(&m.shards[i], prefix, infos[:0])
		if m.closed.Load() { // since we looked: the shard may have been emptied under us
			yield(Info{}, Wrap("store", op, os.ErrClosed))
			return
		}
		if sorted {
			sort.Sort(infosByKey(infos))
		}
		for _, info := range infos {
			if i == first && after != "" && info.Key <= after {
				continue
			}
			if err := ctx.Err(); err != nil {
				yield(Info{}, Wrap("store", op, err))
				return
			}
			if !yield(info, nil) {
				return
			}
		}
	}
}

// infosByKey sort themselves: slices.SortFunc is made anew for each type that it sorts, and has thirty kilobytes.
type infosByKey []Info

func (l infosByKey) Len() int           { return len(l) }
func (l infosByKey) Less(i, j int) bool { return l[i].Key < l[j].Key }
func (l infosByKey) Swap(i, j int)      { l[i], l[j] = l[j], l[i] }

func (m *Map) shardOf(key string) int { return int(maphash.String(m.seed, key) % mapShards) }

func (m *Map) infos(s *mapShard, prefix string, infos []Info) []Info {
	now := mapNow()
	s.mu.RLock()
	defer s.mu.RUnlock()
	for key, e := range s.entries {
		if strings.HasPrefix(key, prefix) && !Reserved(key) && !m.absent(e, now) {
			infos = append(infos, Info{Key: key, Size: int64(len(e.value)), Atime: e.when[byAtime], Expires: e.when[byDeadline]})
		}
	}
	return infos
}
