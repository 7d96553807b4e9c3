package admin

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/larder-go/larder/store"
)

const (
	defaultLimit = 50
	mostLimit    = 500

	// mostBehind is how far a list that cannot be taken up again is counted through for a page: each page costs all those before it.
	mostBehind = 10_000
)

// mostLists is how many lists are made at once: a prefix that few keys have makes a store look through all of them.
const mostLists = 4

var tooManyLists = &problem{"busy", "others look through the store at this moment", "try again in a moment", http.StatusServiceUnavailable}

// page is what GET entries answers.
type listPage struct {
	Entries []entry `json:"entries"`
	Next    string  `json:"next"`    // what after is for the next page; "": there is none
	Stable  bool    `json:"stable"`  // the store lists in one order: false: entries may be missed, or come twice
	Corrupt int     `json:"corrupt"` // entries on this page that cannot be read
	More    bool    `json:"more"`    // there are more, also where there is no next
}

type entry struct {
	ID      string     `json:"id"`
	Key     string     `json:"key"` // cut
	Size    int64      `json:"size"`
	Atime   *time.Time `json:"atime"`
	Idle    *float64   `json:"idle"` // seconds; null: not known
	Expires *time.Time `json:"expires"`
}

// listQuery is what a request for a list asks for.
type listQuery struct {
	prefix, after string
	limit         int
}

func parseListQuery(q url.Values) (listQuery, *problem) {
	l := listQuery{q.Get("prefix"), q.Get("after"), defaultLimit}
	if text := q.Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > mostLimit {
			return l, badRequest("limit must be a whole number from 1 to "+strconv.Itoa(mostLimit), "")
		}
		l.limit = n
	}
	if l.prefix == "" {
		return l, nil
	}
	if err := store.CheckKey(l.prefix); err != nil {
		return l, badRequest("prefix is no beginning of a key: "+err.Error(), "")
	}
	if !whole(l.prefix) && len([]rune(l.prefix)) > maxShown {
		return l, badRequest("prefix may have six characters, or end with one of "+separators,
			"keys are bearer tokens, and a prefix that may grow letter by letter would tell them")
	}
	return l, nil
}

// separators end the part of a key that says what it is about. Tokens have none of them in hexadecimal, nor in the base64 of URLs.
const separators = ": / . | #"

// whole tells whether a prefix of any length may be asked for: one that ends where a part of the key does.
func whole(prefix string) bool { return strings.ContainsAny(prefix[len(prefix)-1:], ":/.|#") }

// getEntries is GET entries.
func (h *Handler) getEntries(w http.ResponseWriter, r *http.Request) {
	q, p := parseListQuery(r.URL.Query())
	if p == nil {
		var page *listPage
		if page, p = h.list(r.Context(), q); p == nil {
			answer(w, http.StatusOK, page)
			return
		}
	}
	p.answer(w)
}

// list returns one page. It stops behind its last entry.
func (h *Handler) list(parent context.Context, q listQuery) (*listPage, *problem) {
	after, skip, p := h.resume(q.after)
	if p != nil {
		return nil, p
	}
	select {
	case h.listing <- struct{}{}:
		defer func() { <-h.listing }()
	default:
		return nil, tooManyLists
	}
	ctx, cancel := context.WithCancel(parent)
	defer cancel()
	now := time.Now()
	page := &listPage{Entries: []entry{}, Stable: h.resumes}
	entries := store.List(ctx, h.s, q.prefix)
	if h.resumes {
		entries = store.ListAfter(ctx, h.s, q.prefix, after)
	}
	seen, last := 0, ""
	for info, err := range entries {
		switch {
		case errors.Is(err, store.ErrCorrupt):
			page.Corrupt++
			continue
		case err != nil:
			return nil, storeProblem(err)
		case q.prefix != "" && !whole(q.prefix) && len(shown(info.Key)) < len(q.prefix):
			continue // that it begins so would say more of the key than is shown
		}
		if seen++; !h.resumes && seen <= skip {
			continue
		}
		if len(page.Entries) == q.limit {
			page.More = true
			break
		}
		last = info.Key
		page.Entries = append(page.Entries, h.entry(info, now))
	}
	switch {
	case !page.More:
	case h.resumes:
		page.Next = h.ids.seal(idKey, last)
	case skip+q.limit < mostBehind:
		page.Next = h.ids.seal(idCount, strconv.Itoa(skip+q.limit))
	}
	return page, nil
}

// resume reads what an after says.
func (h *Handler) resume(id string) (after string, skip int, p *problem) {
	if id == "" {
		return "", 0, nil
	}
	kind, text, ok := h.ids.open(id)
	if !ok {
		return "", 0, unknownID
	}
	if kind == idCount && !h.resumes {
		skip, err := strconv.Atoi(text)
		if err != nil {
			return "", 0, unknownID
		}
		return "", skip, nil
	}
	if kind != idKey || !h.resumes {
		return "", 0, unknownID
	}
	return text, 0, nil
}

func (h *Handler) entry(info store.Info, now time.Time) entry {
	e := entry{ID: h.ids.seal(idKey, info.Key), Key: cut(info.Key), Size: info.Size, Atime: stamp(info.Atime), Expires: stamp(info.Expires)}
	if !info.Atime.IsZero() {
		idle := max(now.Sub(info.Atime), 0).Round(time.Millisecond).Seconds()
		e.Idle = &idle
	}
	return e
}

// deleteEntry is DELETE entries/{id}.
func (h *Handler) deleteEntry(w http.ResponseWriter, r *http.Request, id string) {
	kind, key, ok := h.ids.open(id)
	if !ok || kind != idKey {
		unknownID.answer(w)
		return
	}
	if err := h.s.Delete(r.Context(), key); err != nil {
		h.o.Logger.WarnContext(r.Context(), "admin: an entry could not be removed", "err", err)
		storeProblem(err).answer(w)
		return
	}
	h.o.Logger.InfoContext(r.Context(), "admin: an entry was removed")
	h.census.forget()
	answer(w, http.StatusOK, struct {
		Removed int `json:"removed"`
	}{1})
}
