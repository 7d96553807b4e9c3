package boltstore

import (
	"testing"

	"go.etcd.io/bbolt"
)

// checkOrders walks the three buckets of s: every record has its place in each order that it belongs to, no place lags more than
// it may, and but for so many orphans there is nothing else.
func checkOrders(t testing.TB, s *Store, orphans int) {
	t.Helper()
	err := s.db.View(func(tx *bbolt.Tx) error {
		entries, atimes, deadlines := tx.Bucket(s.names[records]), tx.Bucket(s.names[byAtime]), tx.Bucket(s.names[byDeadline])
		want := [3]int{}
		has := func(b *bbolt.Bucket, k []byte) bool {
			found, _ := b.Cursor().Seek(k)
			return string(found) == string(k)
		}
		err := entries.ForEach(func(k, v []byte) error {
			e, err := parse(v, string(k))
			if err != nil {
				t.Errorf("a record cannot be read: %v", err)
				return nil
			}
			want[byAtime]++
			if !has(atimes, orderKey(e.place, k)) {
				t.Errorf("an entry has no place in the order by atime")
			}
			if e.atime-e.place > int64(s.lag) {
				t.Errorf("a place lags by %d ns, allowed are %v", e.atime-e.place, s.lag)
			}
			if e.deadline != 0 {
				want[byDeadline]++
				if !has(deadlines, orderKey(e.deadline, k)) {
					t.Errorf("an entry has no place in the order by deadline")
				}
			}
			return nil
		})
		extra := atimes.Stats().KeyN + deadlines.Stats().KeyN - want[byAtime] - want[byDeadline]
		if extra != orphans {
			t.Errorf("%d places too many in the orders, want %d", extra, orphans)
		}
		for err := range tx.Check() {
			t.Errorf("bbolt: %v", err)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
