package store_test

import (
	"os"
	"testing"

	"github.com/larder-go/larder/internal/testserver"
)

func TestMain(m *testing.M) { os.Exit(testserver.With(m).Run()) }
