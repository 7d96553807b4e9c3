package browser

import (
	"context"
	"os"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

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
