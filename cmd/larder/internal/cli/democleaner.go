package cli

import (
	"net/url"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/larder-go/larder/store"
)

// cleaner says how the demo's store is cleaned up.
type cleaner struct {
	command string   // works as it stands, in a POSIX shell; "": none is needed, or the password of the URL is missing in it
	text    []string // lines, the command among them
	within  bool     // this process must do it
}

// cleaner finds the command for the store that was opened. Whatever it returns as a command must do what it says: a test runs it.
func (a *app) cleaner(looks *demoAdmin) cleaner {
	c := a.cleanerOfStore()
	if looks == nil || !c.within {
		return c
	}
	// Nobody but the demo can, and it can be asked to.
	program, folder := programName()
	if folder != "" {
		folder = "cd " + shellWord(folder) + " && "
	}
	c.command = folder + program + " cleanup --" + adminFlag + " " + shellWord(looks.url)
	c.text = []string{"the demo does, and this asks it to:", c.command}
	return c
}

func (a *app) cleanerOfStore() cleaner {
	command, remark := a.cleanupCommandLine()
	c := cleaner{command: command, text: []string{command}}
	if remark != "" {
		c.command, c.text = "", append(c.text, remark)
	}
	switch a.backend.Scheme {
	case "map":
		return cleaner{text: []string{"nothing to do: the demo does, and its memory ends with it"}, within: true}
	case "bolt":
		c.text = append([]string{"the demo does, for only one process can hold the file; when it has ended:"}, c.text...)
		c.within = true
	}
	if a.backend.Expires { // sessions have deadlines, so they go without x-timeout too
		return cleaner{text: []string{"nothing to do: " + a.backend.Name + " removes sessions at their deadlines by itself"}}
	}
	return c
}

// cleanupCommandLine returns the command, and a remark where it does not work as it stands, since no password may be shown.
func (a *app) cleanupCommandLine() (command, remark string) {
	program, folder := programName()
	if folder != "" {
		folder = "cd " + shellWord(folder) + " && "
	}
	shown := absoluteURL(a.secret, a.backend.Scheme)
	switch redacted := store.Redact(shown); {
	case redacted == shown:
		return folder + program + " cleanup --store " + shellWord(shown), ""
	case a.from == envStoreFile:
		file, err := filepath.Abs(a.env(envStoreFile))
		if err != nil {
			file = a.env(envStoreFile)
		}
		return folder + envStoreFile + "=" + shellWord(file) + " " + program + " cleanup", ""
	default:
		return folder + program + " cleanup --store " + shellWord(redacted),
			"with the password in place of xxxxx; or keep the URL in a file that " + envStoreFile + " names"
	}
}

// absoluteURL makes the URL of a folder or file mean the same in every folder, as a cron job needs it.
func absoluteURL(rawURL, scheme string) string {
	if scheme != "file" && scheme != "bolt" || runtime.GOOS == "windows" {
		return rawURL
	}
	folder, err := os.Getwd()
	if err != nil {
		return rawURL
	}
	name, rest, ok := strings.Cut(rawURL, ":")
	if !ok || !strings.EqualFold(name, scheme) { // a bare path is not percent-encoded
		rest = (&url.URL{Path: rawURL}).EscapedPath()
	}
	place, parameters, has := strings.Cut(rest, "?")
	if !strings.HasPrefix(place, "/") {
		place = "//" + path.Join((&url.URL{Path: folder}).EscapedPath(), place)
	}
	if has {
		parameters = "?" + parameters
	}
	return scheme + ":" + place + parameters
}

// programName is how the user of this process would start another one, and the folder where alone that works; "": everywhere.
func programName() (name, folder string) {
	self, err := os.Executable()
	if err != nil {
		return "larder", ""
	}
	return nameOf(self)
}

func nameOf(self string) (name, folder string) {
	if found, err := exec.LookPath("larder"); err == nil && sameFile(found, self) {
		return "larder", ""
	}
	// "go run" makes the program in a folder that it removes again.
	if filepath.Base(filepath.Dir(self)) != "exe" || !strings.Contains(self, "go-build") {
		return shellWord(self), ""
	}
	folder, err := os.Getwd()
	if err != nil {
		folder = ""
	}
	if _, err := os.Stat("cmd/larder/main.go"); err == nil {
		return "go run ./cmd/larder", folder
	}
	const path = "github.com/larder-go/larder/cmd/larder"
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return "go run " + path + "@" + info.Main.Version, ""
	}
	return "go run " + path, folder
}

func sameFile(a, b string) bool {
	one, err := os.Stat(a)
	if err != nil {
		return false
	}
	other, err := os.Stat(b)
	return err == nil && os.SameFile(one, other)
}

// shellWord quotes what a POSIX shell would not take for one word.
func shellWord(s string) string {
	plain := func(r rune) bool {
		return r < 0x80 && (r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || strings.ContainsRune("%+,-./:=@_", r))
	}
	if s != "" && strings.IndexFunc(s, func(r rune) bool { return !plain(r) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
