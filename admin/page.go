package admin

import (
	"net/http"
	"net/url"
	"time"

	"github.com/larder-go/larder/internal/words"
)

// What a program may look for in the page, as the tests in a browser do; the script of the page does, too:
//
//	#title, #live               the deployment; whether events come: data-live "yes" or "no", not there before the first
//	#entries, #bytes            numbers, in words below them
//	#backlog, #backlog-note     what a sweep now would remove
//	#last, #last-note           the last cleanup
//	#rate, #spark, #rate-note   operations per second, a polyline, and what failed; #kinds: a tr[data-kind] for each kind
//	#idle                       the histogram: li in the order of the buckets, in each rect and .number
//	#counted                    when this was counted
//	#list                       tbody: tr[data-id] for each entry, in it .key, .size, .idle, .expires and, with writes, button.remove
//	#list-none, #next, #first   no entries; links to the next page and back to the first
//	#prefix                     in the form #filter
//	#sweep, #signout            button; form with #subject. Not there where requests may not write
//	#confirm                    dialog: #confirm-text, #confirm-yes, #confirm-no
//	#result                     what became of it: data-kind "done" or "failed"
//	#facts                      dl; dd.warn where something is wrong
//	#trouble                    the store cannot be asked

// glance is how long the page waits for a count that nobody has made yet. What it has by then is shown; the events count to the end.
const glance = 500 * time.Millisecond

// page is the page.
func (h *Handler) page(w http.ResponseWriter, r *http.Request) {
	n := h.census.latest()
	if n == nil || n.err != nil {
		n = h.census.get(r.Context(), glance)
	}
	s := h.describe(r.Context(), n)
	v := &view{stat: s}
	query := r.URL.Query()
	q, p := parseListQuery(query)
	if query.Get("limit") == "" {
		q.limit = pageLimit
	}
	v.prefix, v.first = query.Get("prefix"), q.after == ""
	switch {
	case p != nil:
		v.problem = p
	case s.Trouble == "" && h.lists:
		v.list, v.problem = h.list(r.Context(), q)
	default:
		v.blind = true
	}
	status := http.StatusOK
	if v.problem != nil {
		status = v.problem.status
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	w.Write([]byte(v.html()))
}

// pageLimit is how many entries the page shows at once.
const pageLimit = 25

// view is what the page shows.
type view struct {
	*stat
	list    *listPage // nil: there is none
	problem *problem  // why
	blind   bool      // because the store cannot list, or not now
	prefix  string
	first   bool // it is the first page
}

func (v *view) html() markup {
	return fill(frame, v.Title, v.Title, v.badges(), v.troubleCard(), v.tiles(), histogram(v.Idle), v.counted(), v.kinds(), when(v.Operations != nil, " hidden"), v.entriesCard(), v.deeds(), v.deployment())
}

func (v *view) badges() markup {
	if v.Writes {
		return `<span class="badge writes">writes allowed</span>`
	}
	return `<span class="badge">read-only</span>`
}

func (v *view) troubleCard() markup {
	return fill(`<p id="trouble" class="trouble" role="alert"{}>{}</p>`, when(v.Trouble == "", " hidden"), v.Trouble)
}

func (v *view) entriesCard() markup {
	if v.blind {
		return `<p class="hint">There is no list: the store cannot list what it holds, or cannot be asked now.</p>`
	}
	filter := fill(`<form id="filter" method="get" role="search">
<label for="prefix">Keys that begin with</label>
<input id="prefix" name="prefix" value="{}" maxlength="1024" autocomplete="off" spellcheck="false" placeholder="app:">
<button class="quiet">Show</button>
</form>
`, v.prefix)
	if v.problem != nil {
		return filter + fill(`<p class="trouble" role="alert">{}. {}</p>`, v.problem.Text, v.problem.Hint)
	}
	var rows markup
	for _, e := range v.list.Entries {
		rows += v.row(e)
	}
	table := fill(`<div class="scroll"><table>
<thead><tr><th scope="col">Key</th><th scope="col" class="num">Size</th><th scope="col">Not used for</th><th scope="col">Deadline</th>{}</tr></thead>
<tbody id="list">
{}</tbody>
</table></div>
`, when(v.Writes, `<th scope="col"><span class="unseen">Remove</span></th>`), rows)
	none := fill(`<p id="list-none" class="none"{}>{}</p>
`, when(len(v.list.Entries) > 0, " hidden"), v.noEntries())
	return filter + table + none + v.paging()
}

func (v *view) noEntries() string {
	switch {
	case v.list.Corrupt > 0:
		return "No entry here can be read."
	case v.prefix != "":
		return "No key begins so."
	}
	return "Nothing is in the store."
}

// row is one entry. The button needs the script, so it is hidden until that runs.
func (v *view) row(e entry) markup {
	idle := "not known"
	if e.Idle != nil {
		idle = age(*e.Idle)
	}
	remove := when(v.Writes, fill(`<td class="act"><button class="remove danger needs-script" hidden>Remove<span class="unseen"> {}</span></button></td>`, visible(e.Key)))
	return fill(`<tr data-id="{}"><td class="key">{}</td><td class="size num">{}</td><td class="idle">{}</td><td class="expires">{}</td>{}</tr>
`, e.ID, visible(e.Key), words.Size(e.Size), idle, deadline(e.Expires, v.Time), remove)
}

func (v *view) paging() markup {
	links := when(!v.first, fill(`<a id="first" class="button quiet" href="./{}">First page</a>`, v.link("")))
	if v.list.Next != "" {
		links += fill(`<a id="next" class="button quiet" href="./{}">Next page</a>`, v.link(v.list.Next))
	}
	note := ""
	switch {
	case v.list.More && v.list.Next == "":
		note = "There are more; a beginning of the keys narrows the list."
	case !v.list.Stable && (v.list.More || !v.first):
		note = "This store lists in no fixed order: from page to page, entries may be missed or come twice."
	case v.list.Corrupt > 0:
		note = plural(v.list.Corrupt, "entry cannot", "entries cannot") + " be read and tell no key."
	}
	return fill(`<p class="paging">{}<span class="hint">{}</span></p>`, links, note)
}

func (v *view) link(after string) string {
	q := url.Values{}
	if v.prefix != "" {
		q.Set("prefix", v.prefix)
	}
	if after != "" {
		q.Set("after", after)
	}
	if len(q) == 0 {
		return ""
	}
	return "?" + q.Encode()
}
