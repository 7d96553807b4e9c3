package browser

import (
	"context"
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/audits"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// Tab is one page. Its methods fail the test when the page does not do what they ask for, those FollowErr aside; they are for one
// goroutine at a time.
type Tab struct {
	ctx      context.Context
	problems *problems
}

// problems is what the browser complained of, which a good page gives no reason for.
type problems struct {
	mu  sync.Mutex
	all []string
}

func (p *problems) see(ev any) {
	var line string
	switch ev := ev.(type) {
	case *log.EventEntryAdded:
		line = fmt.Sprintf("%s: %s: %s", ev.Entry.Source, ev.Entry.Level, ev.Entry.Text)
	case *audits.EventIssueAdded:
		line = fmt.Sprintf("issue: %s", ev.Issue.Code)
	case *runtime.EventExceptionThrown:
		line = "exception: " + ev.ExceptionDetails.Text
	case *runtime.EventConsoleAPICalled:
		line = fmt.Sprintf("console: %s", ev.Type)
	default:
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.all = append(p.all, line)
}

func (p *Profile) tab(t testing.TB, ctx context.Context) *Tab {
	t.Helper()
	tab := &Tab{ctx, &problems{}}
	if err := chromedp.Listen(ctx, tab.problems.see); err != nil {
		t.Fatal(err)
	}
	if _, err := chromedp.Call(ctx, audits.Enable, cdp.Empty{}); err != nil {
		t.Fatal(err)
	}
	return tab
}

// Problems are the complaints of the browser since the last call: refused by the content security policy, failed loads, exceptions.
func (tab *Tab) Problems() []string {
	tab.problems.mu.Lock()
	defer tab.problems.mu.Unlock()
	all := slices.Clone(tab.problems.all)
	tab.problems.all = nil
	return all
}

// do runs steps within patience.
func (tab *Tab) do(t testing.TB, what string, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	ctx, cancel := context.WithTimeout(tab.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

// read is what the page says to an action.
func read[T any](t testing.TB, tab *Tab, what string, a chromedp.Action[T]) T {
	t.Helper()
	ctx, cancel := context.WithTimeout(tab.ctx, patience)
	defer cancel()
	v, err := chromedp.Run(ctx, a)
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	return v
}

// Open goes to an address and returns the status of the page that it leads to.
func (tab *Tab) Open(t testing.TB, url string) int {
	t.Helper()
	status, err := tab.load(chromedp.Navigate(url))
	if err != nil {
		t.Fatalf("open %s: %v", url, err)
	}
	return status
}

// Reload is the user's F5.
func (tab *Tab) Reload(t testing.TB) int {
	t.Helper()
	status, err := tab.load(chromedp.Reload())
	if err != nil {
		t.Fatalf("reload: %v", err)
	}
	return status
}

// Follow clicks the first element of this CSS selector, a link or a button, and waits for the page that it leads to.
func (tab *Tab) Follow(t testing.TB, selector string) int {
	t.Helper()
	status, err := tab.FollowErr(selector)
	if err != nil {
		t.Fatal(err)
	}
	return status
}

// FollowErr is Follow for goroutines that may not end the test.
func (tab *Tab) FollowErr(selector string) (int, error) {
	status, err := tab.load(chromedp.Click(chromedp.CSS(selector), chromedp.NodeVisible))
	if err != nil {
		return 0, fmt.Errorf("click %s: %w", selector, err)
	}
	return status, nil
}

func (tab *Tab) load(step chromedp.Action[chromedp.Void]) (int, error) {
	ctx, cancel := context.WithTimeout(tab.ctx, patience)
	defer cancel()
	response, err := chromedp.RunResponse(ctx, step)
	if err != nil || response == nil {
		return 0, err
	}
	return int(response.Status), nil
}

// Type writes into the first field of this selector in place of what stands there.
func (tab *Tab) Type(t testing.TB, selector, text string) {
	t.Helper()
	tab.do(t, "type into "+selector, chromedp.Clear(chromedp.CSS(selector)), chromedp.SendKeys(chromedp.CSS(selector), text))
}

// Click clicks what leads to no other page, a checkbox for example.
func (tab *Tab) Click(t testing.TB, selector string) {
	t.Helper()
	tab.do(t, "click "+selector, chromedp.Click(chromedp.CSS(selector), chromedp.NodeVisible))
}

// Text is what a reader sees of the first element of this selector, and fails the test where there is none.
func (tab *Tab) Text(t testing.TB, selector string) string {
	t.Helper()
	return read(t, tab, "text of "+selector, chromedp.Text(chromedp.CSS(selector)))
}

// Count is how many elements the page has now of this selector.
func (tab *Tab) Count(t testing.TB, selector string) int {
	t.Helper()
	return read(t, tab, "count "+selector, chromedp.Evaluate[int](fmt.Sprintf("document.querySelectorAll(%q).length", selector)))
}

// Ask is the value of an expression in the page.
func Ask[T any](t testing.TB, tab *Tab, expression string) T {
	t.Helper()
	return read(t, tab, expression, chromedp.Evaluate[T](expression))
}

// Dark chooses the colour scheme that the page sees the user prefer.
func (tab *Tab) Dark(t testing.TB, dark bool) {
	t.Helper()
	scheme := "light"
	if dark {
		scheme = "dark"
	}
	tab.set(t, func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
		})
		return err
	})
}

// Size is that of the window in CSS pixels.
func (tab *Tab) Size(t testing.TB, width, height int64) {
	t.Helper()
	tab.do(t, "size", chromedp.EmulateViewport(width, height))
}

// Phone makes the window that of a phone, with fingers and two pixels for one.
func (tab *Tab) Phone(t testing.TB) {
	t.Helper()
	tab.do(t, "phone", chromedp.EmulateViewport(390, 844, chromedp.EmulateScale(2), chromedp.EmulateMobile, chromedp.EmulateTouch, chromedp.EmulatePortrait))
}

// NoJavaScript has pages that are loaded from now on do without.
func (tab *Tab) NoJavaScript(t testing.TB) {
	t.Helper()
	tab.set(t, func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
		return err
	})
}

func (tab *Tab) set(t testing.TB, f func(context.Context, *chromedp.Target) error) {
	t.Helper()
	tab.do(t, "emulation", chromedp.Func(f))
}

// Shot keeps a picture of the whole page, from its top, for a person to look at, and returns its file.
func (tab *Tab) Shot(t testing.TB, name string) string {
	t.Helper()
	Ask[bool](t, tab, "(scrollTo(0, 0), true)") // or what sticks to the window stands in the middle of the picture
	file := shot(t, name)
	if err := os.WriteFile(file, read(t, tab, "screenshot", chromedp.FullScreenshot(100)), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}
