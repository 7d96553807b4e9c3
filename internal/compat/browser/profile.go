package browser

import (
	"context"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// Profile is a browser with cookies of its own.
type Profile struct {
	ctx   context.Context
	first *Tab
	taken bool
}

// Tab opens a tab of this profile, in a window of its own: Chromium lets hidden ones wait.
func (p *Profile) Tab(t testing.TB) *Tab {
	t.Helper()
	if !p.taken { // a profile comes with one
		p.taken = true
		return p.first
	}
	ctx, cancel := chromedp.NewContext(p.ctx)
	t.Cleanup(cancel)
	return p.tab(t, ctx)
}

// Cookies are those that the browser would send to this address, as the browser itself describes them.
func (p *Profile) Cookies(t testing.TB, url string) []*network.Cookie {
	t.Helper()
	result, err := chromedp.Call(p.first.ctx, network.GetCookies, network.GetCookiesParams{URLs: []string{url}})
	if err != nil {
		t.Fatal(err)
	}
	return result.Cookies
}

// Cookie is the one of this name, and fails the test where there is none.
func (p *Profile) Cookie(t testing.TB, url, name string) *network.Cookie {
	t.Helper()
	cookies := p.Cookies(t, url)
	for _, c := range cookies {
		if c.Name == name {
			return c
		}
	}
	var names []string
	for _, c := range cookies {
		names = append(names, c.Name)
	}
	t.Fatalf("the browser keeps no cookie %q, but %q", name, names)
	return nil
}

// SetCookie gives the browser a cookie for this address.
func (p *Profile) SetCookie(t testing.TB, url, name, value string) {
	t.Helper()
	if _, err := chromedp.Call(p.first.ctx, network.SetCookie, network.SetCookieParams{URL: url, Name: name, Value: value}); err != nil {
		t.Fatal(err)
	}
}
