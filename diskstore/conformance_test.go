package diskstore_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/larder-go/larder/diskstore"
	"github.com/larder-go/larder/store"
	"github.com/larder-go/larder/store/storetest"
)

const suiteMaxValue = 1_000_000

func TestConformance(t *testing.T) {
	dirs := make(map[store.Store]string)
	expiries := make(map[store.Store]store.Expiry)
	_ = expiries
	_ = dirs
	storetest.Run(t, storetest.Config{
		New: func(t *testing.T, e store.Expiry) store.Store {
			return open(t, t.TempDir(), &diskstore.Options{Expiry: e, MaxValue: suiteMaxValue})
		},
		MaxValue: suiteMaxValue,
	})
}

var _ = os.Getenv
var _ = filepath.Join
