//go:build unix

package dbstore

import (
	"sync"
	"testing"

	"github.com/larder-go/larder/internal/testserver"
)

// TestMigratePgBouncer: behind a pooler of transactions, with pools that are set for nothing, eight migrators and two connections to the
// server: the lock is the transaction's, and no statement is prepared.
func TestMigratePgBouncer(t *testing.T) {
	server := testserver.NewPostgres(t)
	url := through(t, server.URL, newBouncer(t, server))
	direct := migratorIn(t, newPool(t, server.URL), "pooled", "")
	for range 5 {
		var work sync.WaitGroup
		for range 8 {
			m := migratorIn(t, newPool(t, url), "pooled", "")
			work.Go(func() {
				if _, err := m.Up(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		work.Wait()
		mustUp(t, direct, 0)
		consistent(t, direct)
		mustDown(t, migratorIn(t, newPool(t, url), "pooled", ""), DownOptions{}, len(steps(t)))
	}
}
