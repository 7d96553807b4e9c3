package browser

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/chromedp/cdproto/audits"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// Tab is one page. Its methods fail the test when the page does not do what they ask for, FollowErr aside; they are for one
// goroutine at a time.
type Tab struct {
	ctx      context.Context
	problems *problems
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

// Back is the browser's button. The browser may show the page as it was, without asking the server, and then it fires no load event, or
// drop that page at the last moment and ask after all. So this goes by what the tab shows, not by what it tells.
func (tab *Tab) Back(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(tab.ctx, patience)
	defer cancel()
	var from int64
	tab.set(t, func(ctx context.Context, target *chromedp.Target) error {
		h, err := cdp.Call(ctx, target, page.GetNavigationHistory, cdp.Empty{})
		if err != nil {
			return err
		}
		if from = h.CurrentIndex; from == 0 {
			return errors.New("nowhere to go back to")
		}
		_, err = cdp.Call(ctx, target, page.NavigateToHistoryEntry, page.NavigateToHistoryEntryParams{EntryID: h.Entries[from-1].ID})
		return err
	})
	arrived := false
	last := chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		h, err := cdp.Call(ctx, target, page.GetNavigationHistory, cdp.Empty{})
		if err != nil || h.CurrentIndex != from-1 {
			return err
		}
		state, err := chromedp.Evaluate[string]("document.readyState")(ctx, target)
		arrived = state == "complete"
		return err
	})
	for {
		err := chromedp.Do(ctx, last) // fails while one page gives way to the other
		switch {
		case arrived:
			return
		case ctx.Err() != nil:
			t.Fatalf("back: %v, %v", ctx.Err(), err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// Press is Follow by a script within the page: of one that Back has shown again, the client knows no element to point at.
func (tab *Tab) Press(t testing.TB, selector string) int {
	t.Helper()
	status, err := tab.load(func(ctx context.Context, target *chromedp.Target) (chromedp.Void, error) {
		_, err := chromedp.Evaluate[bool](fmt.Sprintf("(document.querySelector(%q).click(), true)", selector))(ctx, target)
		return chromedp.Void{}, err
	})
	if err != nil {
		t.Fatalf("press %s: %v", selector, err)
	}
	return status
}
