package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"go.etcd.io/bbolt"

	"github.com/larder-go/larder/store"
)

// checkPath looks at the place of a store that lives in files, before an opener creates it.
func checkPath(u *url.URL, create bool, shown string) error {
	if u.Scheme != "file" && u.Scheme != "bolt" || u.Host != "" && u.Host != "localhost" {
		return nil // lives elsewhere, or nowhere: the opener says it better
	}
	params := store.NewParams(u)
	path := params.Path()
	if path == "" {
		return nil // as before
	}
	info, err := os.Stat(path)
	exists := err == nil
	switch {
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return nil // the opener meets it again
	case exists && u.Scheme == "file" && !info.IsDir():
		return usage("for a bbolt file write bolt: instead of file:", "not a folder: %s", shown)
	case exists && u.Scheme == "bolt" && info.IsDir():
		return usage("for a folder of files write file: instead of bolt:", "not a file: %s", shown)
	case exists && u.Scheme == "file":
		_, err := os.Lstat(filepath.Join(path, diskMarker))
		exists = !errors.Is(err, fs.ErrNotExist)
	case exists:
		exists = info.Size() > 0 && (create || hasBucket(path, params.String("x-bucket")))
	}
	if exists || create {
		return nil
	}
	return &failure{exitNoStore, fmt.Errorf("no such store: %s", shown),
		"larder set KEY creates it; --store URL or " + envStore + " names another"}
}

// diskMarker is the file by which package diskstore knows a folder of its own, boltBucket the bucket that package boltstore
// makes in a file if no other is asked for.
const (
	diskMarker = "larder-store"
	boltBucket = "larder"
)

// hasBucket reports whether a bbolt file has this bucket: it may be another program's file, and opening a store there makes one. What
// cannot be told now, because the file is locked or damaged, is left to the opener.
func hasBucket(path, name string) (has bool) {
	if name == "" {
		name = boltBucket
	}
	db, err := bbolt.Open(path, 0, &bbolt.Options{ReadOnly: true, Timeout: time.Millisecond})
	if err != nil {
		return true
	}
	defer db.Close()
	err = db.View(func(tx *bbolt.Tx) error {
		has = tx.Bucket([]byte(name)) != nil
		return nil
	})
	return has || err != nil
}
