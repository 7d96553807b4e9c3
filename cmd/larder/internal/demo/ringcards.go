package demo

import (
	"fmt"
	"slices"

	"github.com/larder-go/larder/internal/words"
)

// ringPage is the page of the ring.
func (v *view) ringPage(s *ringState, kind, refused string) markup {
	you := fill(`<p>Nobody is logged in here. <a href="/">Log in first</a>, and see whether you stay so.</p>`)
	if v.loggedIn() {
		you = fill(`<p>You are logged in as {}, with {} visits. <a href="/">Look again</a> after each change: you stay logged in, and the counter goes on.</p>`,
			v.user.full, v.visits)
	}
	var notice markup
	if refused != "" {
		notice = fill(`<p id="ring-said" class="error" role="alert">{}</p>
`, refused)
	}
	hero := fill(`<div class="hero">
<h1>A ring of {} nodes.</h1>
{}</div>
`, len(s.nodes), you)
	return v.framed("Larder: the ring", v.identity(), join(hero, notice, fill(`<div class="columns ring">
<div class="column">
{}</div>
<div class="column">
{}{}</div>
</div>
`, s.nodesCard(kind), s.plotCard(), s.lastCard())))
}

func (s *ringState) nodesCard(kind string) markup {
	entries, weight := s.sum()
	var rows markup
	for _, n := range s.nodes {
		remove := fill(`<form method="post" action="/ring/remove"><button class="remove" name="node" value="{}" aria-label="Remove node {}">Remove</button></form>`, n.Name, n.Name)
		if len(s.nodes) == 1 {
			remove = ""
		}
		rows += fill(`<tr data-node="{}"><th scope="row" title="{}">{}</th>
<td class="entries">{}</td><td class="share">{}</td><td class="share">{}</td>
<td><form method="post" action="/ring/weight"><input type="hidden" name="node" value="{}"><input name="weight" value="{}" inputmode="numeric" maxlength="3" aria-label="Weight of node {}"><button class="weigh" aria-label="Set the weight of node {}">Set</button></form></td>
<td class="away">{}</td></tr>
`, n.Name, n.URL, n.Name, words.Thousands(int64(s.now[n.Name])), share(s.now[n.Name], entries), share(n.Weight, weight), n.Name, n.Weight, n.Name, n.Name, remove)
	}
	return fill(`<section class="card" aria-labelledby="nodes-title">
<h2 id="nodes-title">The nodes</h2>
<p class="hint">{}. Each key has its place by the names and weights of the nodes.</p>
<table id="ring-nodes">
<thead><tr><th scope="col">Node</th><th scope="col" class="entries">Entries</th><th scope="col" class="share">Has</th><th scope="col" class="share">Due</th><th scope="col">Weight</th><th scope="col"><span class="unseen">Remove</span></th></tr></thead>
<tbody>
{}</tbody>
<tfoot><tr><th scope="row">All</th><td class="entries" id="ring-entries">{}</td><td></td><td></td><td></td><td></td></tr></tfoot>
</table>
<div class="actions">
<form method="post" action="/ring/add"><button id="ring-add" class="primary">Add a node</button></form>
<form method="post" action="/ring/fill"><button id="ring-fill" class="quiet">Begin {} made-up sessions</button></form>
</div>
</section>
`, kind, rows, words.Thousands(int64(entries)), madeUpSessions)
}

func (s *ringState) plotCard() markup {
	var alt string
	for _, n := range s.nodes {
		alt += fmt.Sprintf("; %s: %d before, %d now", n.Name, s.last.before[n.Name], s.now[n.Name])
	}
	return fill(`<section class="card" aria-labelledby="plot-title">
<h2 id="plot-title" class="unseen">The load of each node</h2>
<img id="ring-plot" src="/ring.svg" alt="Entries on each node{}">
</section>
`, alt)
}

// lastCard tells of the last change.
func (s *ringState) lastCard() markup {
	var facts, goOn markup
	switch {
	case s.last.next == nil:
		return `<section class="card" aria-labelledby="last-title">
<h2 id="last-title">No change yet</h2>
<p>Add a node, set a weight or remove one. What has another place then moves there, in three steps in which every click goes on working: the
next set is read too; it is written; it stands alone.</p>
</section>
`
	case s.last.err != nil:
		goOn = `<form method="post" action="/ring/continue"><p class="error" role="alert">It stands still, and nothing is lost: what has moved is found, and so is the rest.</p>
<button id="ring-continue" class="primary">Go on with it</button></form>
`
	case s.busy:
		goOn = `<p>It is under way. <a href="/ring">Look again</a></p>
`
	}
	before := 0
	for _, n := range s.last.before {
		before += n
	}
	facts = fill(`<div><dt>Moved</dt><dd><span id="ring-moved">{}</span> of {} entries, {}</dd></div>
<div><dt>Left behind</dt><dd><span id="ring-left">{}</span></dd></div>
<div><dt>Took</dt><dd id="ring-took">{}</dd></div>
`, words.Thousands(int64(s.last.moved)), words.Thousands(int64(before)), share(s.last.moved, before), s.last.left, fmt.Sprintf("%.1f\u00a0s", s.last.took.Seconds()))
	return fill(`<section class="card" aria-labelledby="last-title">
<h2 id="last-title">{}</h2>
{}<dl class="facts" id="ring-last">
{}</dl>
</section>
`, s.last.what, goOn, facts)
}

func share(part, whole int) string {
	if whole == 0 {
		return "–"
	}
	return fmt.Sprintf("%.1f\u00a0%%", 100*float64(part)/float64(whole))
}

// names of nodes, in order.
func names(m map[string]int) (list []string) {
	for name := range m {
		list = append(list, name)
	}
	slices.Sort(list)
	return list
}
