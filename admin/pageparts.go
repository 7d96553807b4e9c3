package admin

import (
	"fmt"
	"strings"

	"github.com/larder-go/larder/internal/words"
)

func tile(label string, id, value string, note string, extra markup) markup {
	return fill(`<section class="tile"><h2>{}</h2><p class="value" id="{}">{}</p>{}<p class="hint" id="{}-note">{}</p></section>
`, label, id, value, extra, id, note)
}

func (v *view) tiles() markup {
	entries, bytes := "…", "not counted yet"
	switch {
	case v.Entries != nil:
		entries, bytes = atLeast(!v.Complete)+words.Thousands(int64(*v.Entries)), words.Size(v.Bytes)+" of values"
		if v.Corrupt > 0 {
			bytes += ", " + words.Thousands(int64(v.Corrupt)) + " damaged"
		}
	case v.Counted != nil:
		entries, bytes = "–", "not known"
	}
	backlog, due := "–", "not known: the store removes by itself, or was not counted"
	if v.Backlog != nil {
		backlog, due = atLeast(v.Backlog.AtLeast)+words.Thousands(int64(v.Backlog.Entries)), "nothing is due"
		if v.Backlog.Entries > 0 {
			due = words.Size(v.Backlog.Bytes) + " that a sweep removes"
		}
	}
	last, how := v.lastCleanup()
	perSecond, failing, line := "–", "nobody observes the store", ""
	if o := v.Operations; o != nil {
		total := 0.0
		for _, n := range o.PerSecond {
			total += n
		}
		perSecond, failing, line = rate(total), "none fails", spark(o.Series)
		if o.Failing > 0 {
			failing = rate(o.Failing) + " a second fail"
		}
	}
	curve := fill(`<svg class="spark" viewBox="0 0 59 30" preserveAspectRatio="none" aria-hidden="true"{}><polyline id="spark" points="{}"/></svg>`,
		when(v.Operations == nil, " hidden"), line)
	return tile("Entries", "entries", entries, bytes, "") + tile("Backlog", "backlog", backlog, due, "") +
		tile("Last cleanup", "last", last, how, "") + tile("Operations a second", "rate", perSecond, failing, curve)
}

func atLeast(cut bool) string {
	if cut {
		return "≥ "
	}
	return ""
}

func (v *view) lastCleanup() (when, how string) {
	c := v.Cleanup
	if c == nil {
		return "–", "none is known of"
	}
	how = fmt.Sprintf("%s removed in %s", words.Thousands(int64(c.Removed)), took(c.Duration))
	if c.Reason != "done" {
		how += ", ended by: " + c.Reason
	}
	if c.Host != "" {
		how += ", on " + c.Host
	}
	return age(v.Time.Sub(c.Start).Seconds()-c.Duration) + " ago", how
}

func (v *view) counted() markup {
	text := "Not counted yet."
	switch {
	case v.Counted == nil:
	case v.Entries == nil:
		text = "The store cannot list what it holds."
	case !v.Complete:
		text = "Counted for " + took(v.Took) + ", and not to the end."
	default:
		text = "Counted in " + took(v.Took) + "."
	}
	return fill(`<p id="counted" class="hint">{}</p>`, text)
}

// kinds is a row for each kind of operation that was seen.
func (v *view) kinds() markup {
	if v.Operations == nil {
		return ""
	}
	var rows markup
	for i := range kinds {
		name := kindName(i)
		if total := v.Operations.Totals[name]; total > 0 {
			rows += fill(`<tr data-kind="{}"><th scope="row">{}</th><td class="num">{}</td><td class="num">{}</td></tr>
`, name, name, rate(v.Operations.PerSecond[name]), words.Thousands(total))
		}
	}
	return rows
}

// deeds are the buttons. They need the script.
func (v *view) deeds() markup {
	if !v.Writes {
		return ""
	}
	signOut := when(v.SignOut, `<form id="signout" class="deed">
<h3>Sign a user out</h3>
<p class="hint">Ends all sessions of this subject, on every device.</p>
<label for="subject">Subject</label>
<span class="line"><input id="subject" name="subject" maxlength="1024" autocomplete="off" spellcheck="false" required>
<button class="danger needs-script" hidden>Sign out</button></span>
</form>
`)
	return fill(`<section class="card" aria-labelledby="deeds-title">
<h2 id="deeds-title">Do something</h2>
<noscript><p class="hint">The buttons need the page’s script, which this browser does not run. larder cleanup --admin does the same.</p></noscript>
<div class="deeds">
<div class="deed">
<h3>Sweep now</h3>
<p class="hint">Removes what is due, as the program’s own cleanup does.</p>
<button id="sweep" class="primary needs-script" hidden>Sweep now…</button>
</div>
{}</div>
</section>
`, signOut)
}

// deployment is what the store says of itself.
func (v *view) deployment() markup {
	var rows markup
	for _, f := range v.Facts {
		rows += fact{f.Name, f.Value, f.Warn}.row()
	}
	if v.Expiry != nil {
		timeout := "none: entries without a deadline stay until they are swept"
		if v.Expiry.Timeout > 0 {
			timeout = age(v.Expiry.Timeout)
		}
		rows += fact{"time-out", timeout + "; a use is recorded after " + age(v.Expiry.Slack), ""}.row()
	}
	if len(v.Abilities) > 0 {
		rows += fact{"abilities", strings.Join(v.Abilities, ", "), ""}.row()
	}
	return fill(`<dl id="facts" class="facts">
{}</dl>`, rows)
}

func (f fact) row() markup {
	return fill(`<div><dt>{}</dt><dd{}>{}{}</dd></div>
`, f.Name, when(f.Warn != "", ` class="warn"`), f.Value, when(f.Warn != "", fill(`<span>{}</span>`, f.Warn)))
}
