package peers

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/alexedwards/scs/v2/memstore"
)

// newScs is alexedwards/scs on its store in memory, with its defaults; cleanup in the background aside, which would disturb everybody.
func newScs(testing.TB) *contender {
	sm := scs.New()
	s := &scsCalls{MemStore: memstore.NewWithCleanupInterval(0)}
	sm.Store = s
	return &contender{
		name: "scs",
		handler: func(do work, got *fields) http.Handler {
			return sm.LoadAndSave(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				useScs(r.Context(), sm, do, got)
				w.Write(answer)
			}))
		},
		create: sm.LoadAndSave(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			ctx, f := r.Context(), someFields()
			sm.Put(ctx, "name", f.name)
			sm.Put(ctx, "count", f.count)
			sm.Put(ctx, "admin", f.admin)
			sm.Put(ctx, "roles", f.roles)
			sm.Put(ctx, "created", f.created)
		})),
		watch: s.watch,
		raw:   s.again,
	}
}

func useScs(ctx context.Context, sm *scs.SessionManager, do work, got *fields) {
	if do == nothing {
		return
	}
	got.name = sm.GetString(ctx, "name")
	switch do {
	case readAll:
		got.count = sm.GetInt64(ctx, "count")
		got.admin = sm.GetBool(ctx, "admin")
		got.roles, _ = sm.Get(ctx, "roles").([]string)
		got.created = sm.GetTime(ctx, "created")
	case modify:
		got.count = sm.GetInt64(ctx, "count") + 1
		sm.Put(ctx, "count", got.count)
	}
}

// scsCalls keeps what the store was asked for while somebody watches.
type scsCalls struct {
	*memstore.MemStore
	watched bool
	finds   []string
	commits []commit
}

type commit struct {
	token  string
	data   []byte
	expiry time.Time
}

func (s *scsCalls) watch(on bool) int {
	if s.watched = on; on {
		s.finds, s.commits = nil, nil
	}
	return len(s.finds) + len(s.commits)
}

func (s *scsCalls) Find(token string) ([]byte, bool, error) {
	if s.watched {
		s.finds = append(s.finds, token)
	}
	return s.MemStore.Find(token)
}

func (s *scsCalls) Commit(token string, data []byte, expiry time.Time) error {
	if s.watched {
		s.commits = append(s.commits, commit{token, data, expiry})
	}
	return s.MemStore.Commit(token, data, expiry)
}

func (s *scsCalls) again(context.Context) error {
	for _, token := range s.finds {
		if _, found, err := s.MemStore.Find(token); !found || err != nil {
			return http.ErrNoCookie
		}
	}
	for _, c := range s.commits {
		if err := s.MemStore.Commit(c.token, c.data, c.expiry); err != nil {
			return err
		}
	}
	return nil
}
