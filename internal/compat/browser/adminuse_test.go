package browser

import (
	"bufio"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/larder-go/larder/admin"
	"github.com/larder-go/larder/cleanup"
)

// keys are those in the store.
func (d *adminSite) keys(t *testing.T) map[string]bool {
	t.Helper()
	all := make(map[string]bool)
	for info, err := range d.under.List(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		all[info.Key] = true
	}
	return all
}

// confirm presses a button, looks at the question, and says yes or no.
func (tab *Tab) confirm(t *testing.T, selector, question string, yes bool) {
	t.Helper()
	tab.Click(t, selector)
	tab.wait(t, "a question", `document.getElementById("confirm").open`)
	if got := tab.Text(t, "#confirm-text"); !strings.Contains(got, question) {
		t.Errorf("the question is %q, without %q", got, question)
	}
	tab.Click(t, map[bool]string{true: "#confirm-yes", false: "#confirm-no"}[yes])
	tab.wait(t, "the question to go", `!document.getElementById("confirm").open`)
}

// says waits for what became of it.
func (tab *Tab) says(t *testing.T, kind, text string) {
	t.Helper()
	tab.wait(t, kind+": "+text, fmt.Sprintf(`(r => !r.hidden && r.dataset.kind === %q && r.textContent.includes(%q))(document.getElementById("result"))`, kind, text))
}

// testAdminLive: what happens in the program is seen without a hand, and that the program is gone, too.
func testAdminLive(t *testing.T, b *Browser) {
	d := newAdminSite(t, admin.Options{})
	tab := adminTab(t, b, d)
	tab.isLive(t)
	if got := tab.Text(t, "#entries"); got != "0" || tab.Text(t, "#rate") != "–" {
		t.Errorf("%s entries, %s a second", got, tab.Text(t, "#rate"))
	}
	for i := range 1234 {
		if err := d.store.Set(t.Context(), fmt.Sprint("k", i), make([]byte, 100)); err != nil {
			t.Fatal(err)
		}
	}
	tab.wait(t, "the entries", `document.getElementById("entries").textContent === "1,234"`)
	tab.wait(t, "the operations", `document.querySelector("#kinds tr[data-kind=set]")?.cells[2].textContent === "1,234"`)
	tab.wait(t, "the histogram", `document.querySelector("#idle li .number").textContent === "1,234" && document.querySelector("#idle rect").getAttribute("width") === "100.00"`)
	tab.wait(t, "the curve", `document.getElementById("spark").getAttribute("points").split(" ").length === 60`)
	d.h.Swept(cleanup.Report{Removed: 42, Reason: cleanup.Done, Done: true}, nil)
	tab.wait(t, "the cleanup", `document.getElementById("last-note").textContent.startsWith("42 removed")`)
	d.server.CloseClientConnections()
	d.server.Listener.Close()
	tab.wait(t, "the end to be seen", `document.getElementById("live").dataset.live === "no"`)
	tab.Problems() // that it cannot connect again
}

func testAdminReadOnly(t *testing.T, b *Browser) {
	d := newAdminSite(t, admin.Options{})
	d.put(t, "session:1", 10, time.Hour)
	tab := adminTab(t, b, d)
	tab.isLive(t)
	if n := tab.Count(t, "#sweep, #signout, button.remove"); n != 0 || tab.Count(t, "#list tr") != 1 || !strings.Contains(tab.Text(t, "header"), "read-only") {
		t.Errorf("%d buttons that do nothing", n)
	}
	status := Ask[int](t, tab, `(x => { const r = new XMLHttpRequest(); r.open("POST", "./cleanup", false); r.send(); return r.status })()`)
	if status != http.StatusForbidden {
		t.Errorf("status %d", status)
	}
	tab.Problems() // it counts a 403 among the failed loads
}

func testAdminSweep(t *testing.T, b *Browser) {
	d := newAdminSite(t, admin.Options{AllowWrites: true, Cleanup: &cleanup.Options{Idle: 10 * 24 * time.Hour}})
	for i := range 30 {
		d.put(t, fmt.Sprint("session:", i), 100, time.Duration(i)*24*time.Hour)
	}
	tab := adminTab(t, b, d)
	if got := tab.Text(t, "#backlog"); got != "19" {
		t.Errorf("a backlog of %s", got)
	}
	tab.confirm(t, "#sweep", "A sweep removes 19 entries, 1.9 KiB.", false)
	tab.wait(t, "the button", `!document.getElementById("sweep").disabled`)
	if n := len(d.keys(t)); n != 30 {
		t.Errorf("it was refused, and %d entries are left", n)
	}
	tab.confirm(t, "#sweep", "A sweep removes 19 entries", true)
	tab.says(t, "done", "Removed 19 entries, 1.9 KiB, in ")
	tab.wait(t, "the backlog to go", `document.getElementById("backlog").textContent === "0" && document.getElementById("last-note").textContent.startsWith("19 removed")`)
	tab.Shot(t, "admin-swept")
	if n := len(d.keys(t)); n != 11 {
		t.Errorf("%d entries are left", n)
	}
	tab.Click(t, "#sweep")
	tab.says(t, "done", "Nothing is due")
}

func testAdminRemove(t *testing.T, b *Browser) {
	d := newAdminSite(t, admin.Options{AllowWrites: true})
	for i := range 3 {
		d.put(t, fmt.Sprint("session:", i), 100+i, time.Hour)
	}
	tab := adminTab(t, b, d)
	size := tab.Text(t, `#list tr:nth-child(2) .size`)
	gone := "session:" + strings.TrimSuffix(strings.TrimPrefix(size, "10"), " B")
	tab.confirm(t, `#list tr:nth-child(2) button.remove`, "Remove the entry sess…(9) of "+size+", not used for 1h", false)
	tab.confirm(t, `#list tr:nth-child(2) button.remove`, "Remove the entry", true)
	tab.says(t, "done", "Removed the entry sess…(9).")
	if all := d.keys(t); len(all) != 2 || all[gone] || tab.Count(t, "#list tr") != 2 {
		t.Errorf("%v are left", all)
	}
	for range 2 {
		tab.confirm(t, `#list tr:first-child button.remove`, "Remove", true)
	}
	tab.wait(t, "the last to go", `!document.getElementById("list-none").hidden`)
	// An id of another process, as after a restart.
	d.put(t, "session:x", 1, 0)
	tab.Reload(t)
	Ask[bool](t, tab, `(document.querySelector("#list tr").dataset.id = "AAAA", true)`)
	tab.confirm(t, `#list tr:first-child button.remove`, "Remove", true)
	tab.says(t, "failed", "this id is not of this process; list the entries again")
	tab.Problems() // it counts a 404 among the failed loads
}

func testAdminSignOut(t *testing.T, b *Browser) {
	d := newAdminSite(t, admin.Options{AllowWrites: true})
	tab := adminTab(t, b, d)
	tab.Type(t, "#subject", "anna <b>")
	tab.confirm(t, "#signout button", "End all sessions of anna <b>, on every device?", true)
	tab.says(t, "done", "anna <b> is signed out everywhere.")
	tab.Type(t, "#subject", "nobody")
	tab.confirm(t, "#signout button", "nobody", true)
	tab.says(t, "failed", "it is not known whether the sessions have ended")
	tab.Problems() // it counts a 500 among the failed loads
	if len(d.out) != 1 || d.out[0] != "anna <b>" {
		t.Errorf("signed out: %q", d.out)
	}
}

func testAdminPages(t *testing.T, b *Browser) {
	d := newAdminSite(t, admin.Options{})
	for i := range 60 {
		d.put(t, fmt.Sprintf("shop:%02d", i), 1, time.Hour)
		d.put(t, fmt.Sprintf("blog:%02d", i), 1, time.Hour)
	}
	for _, scripts := range []bool{true, false} {
		tab := b.Profile(t).Tab(t)
		clean(t, tab)
		if !scripts {
			tab.NoJavaScript(t)
		}
		tab.Open(t, d.url+"/")
		tab.Type(t, "#prefix", "shop:")
		tab.Follow(t, "#filter button")
		seen, pages := 0, 1
		for ; ; pages++ {
			seen += tab.Count(t, "#list tr")
			if tab.Count(t, "#next") == 0 {
				break
			}
			tab.Follow(t, "#next")
		}
		if seen != 60 || pages != 3 {
			t.Errorf("%d entries on %d pages", seen, pages)
		}
		tab.Follow(t, "#first")
		if tab.Count(t, "#first") != 0 || tab.Count(t, "#next") != 1 || Ask[string](t, tab, `document.getElementById("prefix").value`) != "shop:" {
			t.Error("the first page is another than it was")
		}
	}
}

func hostileKeys() []string {
	return []string{
		`<img src=x onerror="document.title='bad'">`, `"><script>document.title='bad'</script>`, "</td></table><h1>", "\u202Egnp.exe\u202E and", "\x1b[31mred\x1b[0m", "ﷺﷺﷺﷺﷺﷺﷺﷺﷺﷺﷺﷺ",
		"日本語のとても長いキー", strings.Repeat("w", 1024), "\u200b\u200b\u200b\u200b\u200b", "👩‍👩‍👧‍👦👩‍👩‍👧‍👦👩‍👩‍👧‍👦", "' onmouseover='x", "a", strings.Repeat("Z͑ͫ̓ͪ̂ͫ̽͏̴̙", 5),
	}
}

func testAdminHostile(t *testing.T, b *Browser) {
	d := newAdminSite(t, admin.Options{Title: `<script>document.title='bad'</script>`, AllowWrites: true})
	for _, key := range hostileKeys() {
		d.put(t, key, 1, time.Hour)
	}
	tab := adminTab(t, b, d)
	tab.isLive(t)
	if n := tab.Count(t, "#list tr"); n != len(hostileKeys()) || tab.Count(t, "#list img, #list script, h1") != 1 {
		t.Errorf("%d rows", n)
	}
	for range hostileKeys() {
		tab.confirm(t, "#list tr:first-child button.remove", "Remove the entry", true)
		tab.says(t, "done", "Removed the entry")
		Ask[bool](t, tab, `(document.getElementById("result").textContent = "", true)`)
	}
	if title := Ask[string](t, tab, "document.title"); title == "bad" || len(d.keys(t)) != 0 {
		t.Errorf("the title is %q, %d entries are left", title, len(d.keys(t)))
	}
	// Even a script of ours could make no markup of a text.
	refused := Ask[bool](t, tab, `(() => { try { document.getElementById("result").innerHTML = "<b>x</b>"; return false } catch { return true } })()`)
	if !refused {
		t.Error("the policy lets a script make markup of a text")
	}
	tab.Problems() // of this last one
}

// testAdminWithoutScripts: who has none sees the numbers, and no button that does nothing.
func testAdminWithoutScripts(t *testing.T, b *Browser) {
	d := newAdminSite(t, admin.Options{AllowWrites: true})
	d.fill(t, 200)
	tab := b.Profile(t).Tab(t)
	clean(t, tab)
	tab.NoJavaScript(t)
	tab.Open(t, d.url+"/")
	if tab.Text(t, "#entries") != "200" || tab.Count(t, "#list tr") != 25 || tab.Count(t, "#facts div") < 3 {
		t.Errorf("%s entries, %d rows", tab.Text(t, "#entries"), tab.Count(t, "#list tr"))
	}
	for _, selector := range []string{"#sweep", "#signout button", "button.remove"} {
		if Ask[bool](t, tab, fmt.Sprintf("document.querySelector(%q).checkVisibility()", selector)) {
			t.Errorf("%s is there and does nothing", selector)
		}
	}
	tab.Phone(t)
	tab.Shot(t, "admin-no-script-phone")
}

// testAdminOfDemo: an operator looks into a demo that runs, and signs somebody out, who sees that.
func testAdminOfDemo(t *testing.T, b *Browser) {
	binary := buildLarder(t)
	cmd := exec.Command(binary, "demo", "-q", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--store", "map:")
	cmd.Dir = t.TempDir()
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Signal(os.Interrupt)
		late := time.AfterFunc(patience, func() { cmd.Process.Kill() })
		defer late.Stop()
		if err := cmd.Wait(); err != nil {
			t.Errorf("larder demo ended with %v", err)
		}
	})
	lines := bufio.NewScanner(stdout)
	lines.Scan()
	d := &demo{url: lines.Text()}
	lines.Scan()
	operator := lines.Text()

	_, anna := guest(t, b, d)
	login(t, anna, "anna")
	_, ben := guest(t, b, d)
	login(t, ben, "ben")
	tab := b.Profile(t).Tab(t)
	clean(t, tab)
	if status := tab.Open(t, operator); status != http.StatusOK {
		t.Fatalf("%s answers %d", operator, status)
	}
	tab.isLive(t)
	tab.wait(t, "what the demo does", `Number(document.querySelector("#kinds tr[data-kind=swap]")?.cells[2].textContent) > 2`)
	tab.Shot(t, "admin-demo")
	tab.Type(t, "#subject", "anna")
	tab.confirm(t, "#signout button", "anna", true)
	tab.says(t, "done", "anna is signed out everywhere.")
	anna.Reload(t)
	ben.Reload(t)
	if !anna.isGuest(t) || !ben.isUser(t, "ben") {
		t.Error("not anna is signed out, but ben")
	}
}
