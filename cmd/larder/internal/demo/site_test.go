package demo

import (
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/larder-go/larder/store"
)

// serve starts the demo on s.
func serve(t *testing.T, s store.Store) *httptest.Server {
	t.Helper()
	page, err := newSite(s, nil, "a test", slog.New(slog.NewTextHandler(t.Output(), nil)), cheap(t))
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(page)
	t.Cleanup(server.Close)
	return server
}

// browser is a client with cookies, and with the page that it has last seen.
type browser struct {
	t      *testing.T
	client *http.Client
	url    string
	agent  string

	status int
	header http.Header
	body   string
}

func newBrowser(t *testing.T, server *httptest.Server) *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &browser{t: t, client: &http.Client{Jar: jar}, url: server.URL, agent: "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"}
}

// twin is another browser with the same cookies.
func (b *browser) twin() *browser {
	b.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		b.t.Fatal(err)
	}
	u, err := url.Parse(b.url)
	if err != nil {
		b.t.Fatal(err)
	}
	jar.SetCookies(u, b.client.Jar.Cookies(u))
	return &browser{t: b.t, client: &http.Client{Jar: jar}, url: b.url, agent: b.agent}
}

func (b *browser) do(method, path string, form url.Values) *browser {
	b.t.Helper()
	r, err := http.NewRequest(method, b.url+path, strings.NewReader(form.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	r.Header.Set("User-Agent", b.agent)
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	response, err := b.client.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	b.status, b.header, b.body = response.StatusCode, response.Header, string(body)
	return b
}

func (b *browser) get(path string) *browser {
	b.t.Helper()
	return b.do(http.MethodGet, path, nil)
}

// post sends a form: names and values by turns.
func (b *browser) post(path string, pairs ...string) *browser {
	b.t.Helper()
	form := make(url.Values)
	for i := 0; i < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	return b.do(http.MethodPost, path, form)
}

func (b *browser) login(name string, more ...string) *browser {
	b.t.Helper()
	u, _ := find(madeUp(), name)
	b.post("/login", append([]string{"name", name, "password", u.password}, more...)...)
	if b.status != http.StatusOK || b.user() != name {
		b.t.Fatalf("%s cannot log in: %d, %s", name, b.status, b.body)
	}
	return b
}

// cookies returns the names of those that the browser would send.
func (b *browser) cookies() (names []string) {
	u, _ := url.Parse(b.url)
	for _, c := range b.client.Jar.Cookies(u) {
		names = append(names, c.Name)
	}
	return names
}

// find returns what the first group of the pattern matches in the page, or "".
func (b *browser) find(pattern string) string {
	if m := regexp.MustCompile(pattern).FindStringSubmatch(b.body); m != nil {
		return html.UnescapeString(m[1])
	}
	return ""
}

func (b *browser) user() string { return b.find(`id="user" data-user="([^"]*)"`) }

func (b *browser) visits() int {
	n, err := strconv.Atoi(b.find(`id="visits">(\d+)<`))
	if err != nil {
		b.t.Errorf("no counter in %s", b.body)
	}
	return n
}

func (b *browser) quantity(good string) int {
	n, _ := strconv.Atoi(b.find(`(?s)data-good="` + good + `".*?class="quantity">(\d+)<`))
	return n
}

func (b *browser) flash() string { return b.find(`(?s)id="flash"[^>]*><p>(.*?)</p>`) }

// devices returns id and label of each, and the one that is this.
func (b *browser) devices() (ids, labels []string, this string) {
	for _, m := range regexp.MustCompile(`(?s)<li( data-this)?>.{0,80}class="device-label">(.*?)<.*?name="device" value="(.*?)"`).FindAllStringSubmatch(b.body, -1) {
		ids, labels = append(ids, m[3]), append(labels, m[2])
		if m[1] != "" {
			this = m[3]
		}
	}
	return ids, labels, this
}

func (b *browser) wants(status int, what string) {
	b.t.Helper()
	if b.status != status || !strings.Contains(b.body, what) {
		b.t.Errorf("%d, want %d with %q in\n%s", b.status, status, what, b.body)
	}
}

// keys returns how many entries the store has, besides the key for tokens.
func keys(t *testing.T, s store.Store) (n int) {
	t.Helper()
	for info, err := range store.List(t.Context(), s, "") {
		if err != nil {
			t.Fatal(err)
		}
		if info.Key != Prefix+"key" {
			n++
		}
		if !strings.HasPrefix(info.Key, Prefix) {
			t.Errorf("an entry that does not begin with %s", Prefix)
		}
	}
	return n
}
