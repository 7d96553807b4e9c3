package demo

import (
	"fmt"
	"time"

	"github.com/larder-go/larder/session"
)

func (v *view) loginCard() markup {
	name, password := v.name, v.password
	var failed, invalid markup
	if v.wrong {
		failed = `<p id="login-error" class="error" role="alert">No one here has that name and password. Copy a pair from the list.</p>
`
		invalid = ` aria-invalid="true" aria-describedby="login-error"`
	}
	var list markup
	for _, u := range v.users {
		list += fill(`<li><span class="avatar" aria-hidden="true">{}</span>
<span class="person"><strong>{}</strong><span class="secret"><code>{}</code> <code>{}</code></span></span>
<a class="button quiet fill" data-user="{}" href="/?as={}#login" aria-label="Fill in the form for {}">Fill in</a></li>
`, initials(u.full), u.full, u.name, u.password, u.name, u.name, u.full)
	}
	return fill(`<section class="card" aria-labelledby="login-title">
<h2 id="login-title">Log in</h2>
<p class="hint">These people are made up. Be one of them.</p>
<ul class="people">
{}</ul>
<form id="login" method="post" action="/login#password">
{}<label for="name">Name</label>
<input id="name" name="name" value="{}" autocomplete="username" autocapitalize="none" spellcheck="false" maxlength="64" required{}>
<label for="password">Password</label>
<input id="password" name="password" type="password" value="{}" autocomplete="current-password" maxlength="128" required{}>
<label class="check" for="remember"><input id="remember" name="remember" type="checkbox" value="yes"> <span>Remember me for {}, also when the browser is closed</span></label>
<button id="login-submit" class="primary">Log in</button>
</form>
</section>
`, list, failed, name, invalid, password, invalid, span(v.remember))
}

func (v *view) visitsCard() markup {
	text := markup("<p>Open this page in two tabs at once: both visits count.</p>")
	if v.info.New {
		text = "<p>Whoever only looks is not counted, and gets no cookie. It begins with your first click.</p>"
	}
	word := "visits"
	if v.visits == 1 {
		word = "visit"
	}
	return fill(`<section class="card counter" aria-labelledby="visits-title">
<h2 id="visits-title">Visits</h2>
<p class="count"><output id="visits">{}</output> <span>{} in this session</span></p>
{}
</section>
`, v.visits, word, text)
}

func (v *view) shopCard() markup {
	var shelf markup
	for _, g := range goods() {
		shelf += fill(`<li><svg viewBox="0 0 32 32" width="44" height="44" fill="none" stroke="currentColor" aria-hidden="true">{}</svg>
<span class="good">{}</span> <span class="price">{}</span>
<button name="add" value="{}" class="quiet" aria-label="Add {} to the cart">Add</button></li>
`, fill(g.icon), g.name, price(g.cents), g.id, g.name)
	}
	return fill(`<section class="card" id="larder" aria-labelledby="larder-title">
<h2 id="larder-title">The larder</h2>
<form id="goods" method="post" action="/cart">
<ul class="shelf">
{}</ul>
</form>
{}</section>
`, shelf, v.cartTable())
}

func (v *view) cartTable() markup {
	pieces := v.cart.pieces()
	if pieces == 0 {
		return `<h3>Your cart</h3>
<p class="hint">Nothing in it yet. What you put in before you log in stays in it.</p>
`
	}
	var rows markup
	for _, g := range goods() {
		n := v.cart[g.id]
		if n == 0 {
			continue
		}
		rows += fill(`<tr data-good="{}"><th scope="row">{}</th>
<td class="amount"><button name="less" value="{}" aria-label="One {} less">−</button> <span class="quantity">{}</span> <button name="add" value="{}" aria-label="One {} more">+</button></td>
<td class="sum">{}</td>
<td class="away"><button name="remove" value="{}" aria-label="Take {} out of the cart" title="Take it out">×</button></td></tr>
`, g.id, g.name, g.id, g.name, n, g.id, g.name, price(n*g.cents), g.id, g.name)
	}
	unit := "pieces"
	if pieces == 1 {
		unit = "piece"
	}
	return fill(`<h3>Your cart</h3>
<form id="cart" method="post" action="/cart">
<table>
<thead><tr><th scope="col">What</th><th scope="col" class="amount">How many</th><th scope="col" class="sum">Price</th><th scope="col"><span class="unseen">Take out</span></th></tr></thead>
<tbody>
{}</tbody>
<tfoot><tr><th scope="row">Total</th><td class="amount"><span id="cart-pieces">{}</span> {}</td><td class="sum" id="cart-total">{}</td><td></td></tr></tfoot>
</table>
<button id="cart-clear" name="clear" value="yes" class="quiet">Empty the cart</button>
</form>
`, rows, pieces, unit, price(v.cart.cents()))
}

func (v *view) sessionCard() markup {
	if v.info.New {
		return `<section class="card" aria-labelledby="session-title">
<h2 id="session-title">Your session</h2>
<p>There is none: nothing is stored about you.</p>
</section>
`
	}
	remembered, how := "no", markup("No: the cookie goes with the browser")
	if v.info.Remembered {
		remembered, how = "yes", "Yes: the cookie outlives the browser"
	}
	return fill(`<section class="card" aria-labelledby="session-title">
<h2 id="session-title">Your session</h2>
{}{}<dl class="facts">
<div><dt>Remembered</dt><dd id="remembered" data-remembered="{}">{}</dd></div>
<div><dt>Begun</dt><dd><time datetime="{}">{}</time></dd></div>
</dl>
</section>
`, v.gauge("idle", "Idle time", "Every visit starts it anew.", v.info.LastSeen, v.info.IdleUntil),
		v.gauge("lifetime", "Lifetime", "Then it ends, whatever you do.", v.info.Created, v.info.Deadline),
		remembered, how, stamp(v.info.Created), ago(v.now.Sub(v.info.Created)))
}

// gauge shows how much is left of a time that began and will end.
func (v *view) gauge(id, title, text string, from, until time.Time) markup {
	left, whole := max(until.Sub(v.now), 0), max(until.Sub(from), time.Second)
	return fill(`<div class="gauge">
<label for="{}-gauge">{}</label> <span class="left"><time id="{}-left" datetime="{}">{}</time> left</span>
<progress id="{}-gauge" max="{}" value="{}"></progress>
<small>{}</small>
</div>
`, id, title, id, stamp(until), span(left), id, int(whole.Seconds()), int(min(left, whole).Seconds()), text)
}

func (v *view) devicesCard() markup {
	var list markup
	for _, d := range v.devices {
		list += v.device(d)
	}
	return fill(`<section class="card" aria-labelledby="devices-title">
<h2 id="devices-title">Your devices</h2>
<form method="post" action="/sign-out">
<ul id="devices" class="devices">
{}</ul>
</form>
<form method="post" action="/logout-everywhere">
<button id="logout-all" class="danger">Log out everywhere</button>
<p class="hint">Ends every session of yours at once, this one too.</p>
</form>
</section>
`, list)
}

func (v *view) device(d session.Device) markup {
	var mark, this markup
	button := fill(`<button name="device" value="{}" class="quiet" aria-label="Sign out {}">Sign out</button>`, d.ID, d.Label)
	if d.ID == v.info.Device {
		this, mark = " data-this", ` <span class="badge">this device</span>`
		button = fill(`<button name="device" value="{}" class="quiet" aria-label="Sign out this device">Sign out</button>`, d.ID)
	}
	return fill(`<li{}><span class="person"><span class="device-name"><strong class="device-label">{}</strong>{}</span>
<span class="device-seen"><span>Last seen <time datetime="{}">{}</time></span> <span>Logged in {}</span></span></span>
{}</li>
`, this, d.Label, mark, stamp(d.LastSeen), ago(v.now.Sub(d.LastSeen)), ago(v.now.Sub(d.Created)), button)
}

func price(cents int) string { return fmt.Sprintf("€ %d.%02d", cents/100, cents%100) }

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
