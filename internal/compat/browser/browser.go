package browser

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/larder-go/larder/internal/testneed"
)

// patience is for one step of a page, on a machine that does other things besides.
const patience = 30 * time.Second

// Browser is a running Chromium.
type Browser struct{ ctx context.Context }

// Start starts Chromium, and stops it by its pid when t ends.
func Start(t testing.TB) *Browser {
	t.Helper()
	path, ok := find()
	if !ok {
		testneed.Missing(t, testneed.Chromium, "install chromium, as make test does, or name one in LARDER_TEST_CHROMIUM")
	}
	allocator, stop := chromedp.NewExecAllocator(context.Background(), options(path)...)
	t.Cleanup(stop) // waits for the process, and removes its folder
	ctx, cancel := chromedp.NewContext(allocator, chromedp.WithErrorf(func(string, ...any) {}))
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("start %s: %v", path, err)
	}
	return &Browser{ctx}
}

func options(path string) []chromedp.ExecAllocatorOption {
	options := append([]chromedp.ExecAllocatorOption{}, chromedp.DefaultExecAllocatorOptions[:]...) // which make it quiet; as root, without sandbox
	return append(options,
		chromedp.ExecPath(path),
		chromedp.Flag("disable-gpu", true),
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("no-proxy-server", true),
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1"), // it talks to the test and nobody else
		chromedp.Flag("ignore-certificate-errors", true),                                              // of httptest.NewTLSServer
		chromedp.Flag("force-prefers-reduced-motion", true),                                           // a page that scrolls smoothly is clicked where it was
		chromedp.Flag("lang", "en-GB"),
		chromedp.WindowSize(1180, 900),
	)
}

// find looks for an executable.
func find() (string, bool) {
	names := []string{
		"chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome",
		"/Applications/Chromium.app/Contents/MacOS/Chromium",
		"/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
	}
	if name := os.Getenv("LARDER_TEST_CHROMIUM"); name != "" {
		names = []string{name}
	}
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path, true
		}
	}
	return "", false
}

// Profile returns a browser with no cookies, as far as any server can tell.
func (b *Browser) Profile(t testing.TB) *Profile {
	t.Helper()
	ctx, cancel := chromedp.NewContext(b.ctx, chromedp.WithNewBrowserContext())
	t.Cleanup(cancel)
	p := &Profile{ctx: ctx}
	p.first = p.tab(t, ctx)
	return p
}

// shot is where the screenshot of this name goes.
func shot(t testing.TB, name string) string {
	t.Helper()
	folder := os.Getenv("LARDER_SHOTS")
	if folder == "" {
		folder = t.ArtifactDir()
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(folder, strings.ReplaceAll(name, "/", "-")+".png")
}
