package dbstore

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/larder-go/larder/internal/testserver"
)

// TestMigrateRace: 16 migrators at once apply each step once, in 50 rounds; every other round the schema is missing too, and half of
// them find the table by the search_path.
func TestMigrateRace(t *testing.T) {
	const migrators, rounds = 16, 50
	all := steps(t)
	var schema atomic.Value
	schema.Store(newMigrator(t, "").o.Schema)
	pool := newPool(t, testserver.Postgres(t).URL, func(c *pgxpool.Config) { c.MaxConns = migrators })
	for round := range rounds {
		name := schema.Load().(string)
		table := fmt.Sprintf("round %d", round)
		if round%2 == 0 {
			must(t, pool, "DROP SCHEMA IF EXISTS "+pgx.Identifier{name}.Sanitize()+" CASCADE")
		}
		var applied [1 + 16]atomic.Int32 // by number of the step
		var start, done sync.WaitGroup
		start.Add(1)
		for range migrators {
			m := migratorIn(t, pool, name, table)
			done.Go(func() {
				start.Wait()
				steps, err := m.Up(t.Context())
				if err != nil {
					t.Errorf("round %d: %v", round, err)
				}
				for _, step := range steps {
					applied[step.Number].Add(1)
				}
			})
		}
		start.Done()
		done.Wait()
		for _, k := range all {
			if n := applied[k.Number].Load(); n != 1 {
				t.Errorf("round %d: step %d was applied %d times", round, k.Number, n)
			}
		}
		mustUp(t, migratorIn(t, pool, name, table), 0)
		if t.Failed() {
			return
		}
	}
}

// TestMigrateRaceUpDown: whoever goes up and whoever goes down, at once: each finds the table as some other has left it.
func TestMigrateRaceUpDown(t *testing.T) {
	m := newMigrator(t, "")
	all := steps(t)
	balance := make([]atomic.Int32, len(all)+1)
	var work sync.WaitGroup
	for worker := range 3 {
		random := rand.New(rand.NewPCG(1, uint64(worker)))
		work.Go(func() {
			for range 5 { // few: who goes up goes on as long as others go down
				up, err := m.Up(t.Context())
				if err != nil {
					t.Error(err)
				}
				down, err := m.Down(t.Context(), DownOptions{To: random.Int64N(int64(len(all)))})
				if err != nil {
					t.Error(err)
				}
				for _, step := range up {
					balance[step.Number].Add(1)
				}
				for _, step := range down {
					balance[step.Number].Add(-1)
				}
			}
		})
	}
	work.Wait()
	s, err := m.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range s.Steps {
		want := int32(1)
		if step.Applied.IsZero() {
			want = 0
		}
		if got := balance[step.Number].Load(); got != want {
			t.Errorf("step %d went up %d times more than down, and is applied %d times", step.Number, got, want)
		}
	}
	consistent(t, m)
}
