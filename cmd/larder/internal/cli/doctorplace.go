package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"

	"github.com/larder-go/larder/dbstore"
	"github.com/larder-go/larder/store"
)

// urlFacts tells whether others can read a password that is in the URL.
func (d *doctor) urlFacts() {
	secret := store.Redact(d.secret) != d.secret
	switch {
	case !secret:
		d.fine("password", "none in the URL")
	case d.from == "--"+storeFlag:
		d.add(doctorFact{"password", "on the command line", "other users of the machine read it in the list of processes: " +
			"write the URL into a file of mode 600, and its name into " + envStoreFile})
	case d.from == envStoreFile:
		d.urlFile(d.env(envStoreFile))
	default:
		d.fine("password", "in the environment")
	}
}

func (d *doctor) urlFile(path string) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		d.unknown("password", "the file that holds the URL cannot be looked at any more")
	case runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0:
		d.add(doctorFact{"password", fmt.Sprintf("in a file of mode %v", info.Mode()), "others than its owner can read the file that " + envStoreFile +
			" names: chmod 600, and give it to the user that the program runs as"})
	default:
		d.fine("password", "in a file that its owner alone can read")
	}
}

// place is where a store of files or bbolt lies: "" for others.
func (d *doctor) place() (scheme, path string) {
	d.reopen(context.Background(), func(u *url.URL, _ store.Opener) (store.Closer, error) {
		if u.Scheme == "file" || u.Scheme == "bolt" {
			scheme, path = u.Scheme, store.NewParams(u).Path()
		}
		return nil, errPlace
	})
	return scheme, path
}

var errPlace = errors.New("only asked where it is")

// fileFacts tells of owners and modes, by what os.Stat says of some files: who runs a command as root now and then makes files that the
// program cannot open.
func (d *doctor) fileFacts() {
	scheme, path := d.place()
	if path == "" || runtime.GOOS == "windows" {
		return
	}
	if scheme == "bolt" {
		folder, err := os.Stat(filepath.Dir(path))
		file, fileErr := os.Stat(path)
		if err != nil || fileErr != nil {
			d.unknown("owner", "the file cannot be looked at")
			return
		}
		if owner(file) == 0 && owner(folder) > 0 { // a folder of root's with a file of the program's is as good
			d.add(doctorFact{"owner", "root has the file, and another user the folder",
				"the program cannot open a file of root's: chown it to the user that the program runs as"})
		} else {
			d.fine("owner", "as it should be")
		}
		return
	}
	d.folderFacts(path)
}

const filesLooked = 8 // of each of the 256 folders

func (d *doctor) folderFacts(path string) {
	top, err := os.Stat(path)
	if err != nil {
		d.unknown("owner", "the folder cannot be looked at")
		return
	}
	looked, foreign, open := 0, 0, 0
	look := func(info fs.FileInfo, err error) {
		if err != nil {
			return // gone meanwhile
		}
		looked++
		if owner(info) != owner(top) {
			foreign++
		}
		// A folder that others may enter is no harm below one that they may not.
		if top.Mode().Perm()&0o077 != 0 && info.Mode().IsRegular() && info.Name() != diskMarker && info.Mode().Perm()&0o077 != 0 {
			open++
		}
	}
	for _, shard := range firstNames(path, 1000) {
		folder := filepath.Join(path, shard)
		info, err := os.Lstat(folder)
		look(info, err)
		if err != nil || !info.IsDir() {
			continue
		}
		for _, name := range firstNames(folder, filesLooked) {
			look(os.Lstat(filepath.Join(folder, name)))
		}
	}
	if foreign > 0 {
		d.add(doctorFact{"owner", fmt.Sprintf("%s of %s looked at are not the folder's owner's", count(foreign, "file", "files"), thousands(looked)),
			"the program cannot use or remove what belongs to another user, root perhaps: chown -R the folder to the user that the program runs as"})
	} else {
		d.fine("owner", "one user's")
	}
	if open > 0 {
		d.add(doctorFact{"files", fmt.Sprintf("others can read %s of %s looked at", thousands(open), thousands(looked)),
			"values, and keys that are bearer tokens, are open to other users of the machine: chmod -R go= the folder"})
	} else {
		d.fine("files", "their owner alone can read them")
	}
}

// firstNames are some names in a folder, in its own order: none where it cannot be read.
func firstNames(path string, most int) []string {
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close()
	names, _ := f.Readdirnames(most)
	return names
}

// migrationFacts tells whether the table of a Postgres store is as this release makes it.
func (d *doctor) migrationFacts(ctx context.Context) {
	if d.backend.Scheme != "postgres" {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, doctorAsk)
	defer cancel()
	var status *dbstore.MigrationStatus
	_, err := d.reopen(ctx, func(u *url.URL, _ store.Opener) (store.Closer, error) {
		m, err := dbstore.OpenMigrator(ctx, u)
		if err != nil {
			return nil, err
		}
		defer m.Close()
		status, err = m.Status(ctx)
		return nil, errors.Join(err, errPlace)
	})
	switch {
	case status == nil && !errors.Is(err, errPlace):
		return // another store, which has Postgres behind it
	case status == nil:
		d.unknown("migrations", "the role may not read the journal of migrations: larder migrate status as the owner of the table tells")
	case len(status.Pending()) == len(status.Steps):
		d.unknown("migrations", "the table was made by goose or psql: larder migrate up takes it over, and applies what is missing")
	case len(status.Pending()) > 0:
		d.add(doctorFact{"migrations", standing(status), "larder migrate up applies them"})
	default:
		d.fine("migrations", "all %d are applied", len(status.Steps))
	}
}
