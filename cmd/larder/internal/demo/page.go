package demo

import (
	_ "embed"
	"strings"
	"time"

	"github.com/larder-go/larder/session"
)

// What a program may look for in the page, as the tests in a browser do:
//
//	#login         form: #name, #password, #remember, #login-submit; #login-error where it failed; a.fill of each user, [data-user]
//	#logout        button, in the header: log out here
//	#user          who is logged in; not there where nobody is
//	#flash         messages, each a <p>; not there where there is none
//	#visits        the counter: a number and nothing else
//	#goods         form: a button [name=add] for each good, its value the good's id
//	#cart          form, where the cart is not empty: tr[data-good], in it .quantity, and buttons [name=add], [name=less], [name=remove];
//	               #cart-pieces, #cart-total, #cart-clear
//	#idle-left     remaining idle time, #lifetime-left remaining lifetime: <time> with its end in RFC 3339 as datetime
//	#remembered    "yes" or "no", as data-remembered
//	#devices       li for each session of the user: .device-label, .device-seen, button [name=device]; li[data-this] is the one that asks
//	#logout-all    button: log out everywhere
//	#problem       in place of all these on a page that tells of an error: an <h1> and a <p>

//go:embed frame.html
var frame fragment

// view is what the page shows.
type view struct {
	users    []user
	where    string        // the sessions are kept, in words
	remember time.Duration // for how long
	now      time.Time
	user     user // zero: nobody is logged in
	info     session.Info
	flashes  []string
	visits   int
	cart     cart
	devices  []session.Device
	ring     *Ring // nil: there is none

	// Of the form, when it comes back or was asked for with a user filled in.
	name, password string
	wrong          bool
}

func (v *view) loggedIn() bool { return v.user.name != "" }

// page is the one page that there is.
func (v *view) page() markup {
	if v.loggedIn() {
		return v.framed(fill("Larder: {}", v.user.full), v.identity(), join(v.greeting(), v.columns(v.visitsCard(), v.sessionCard(), v.devicesCard())))
	}
	return v.framed("Larder: sessions that stay", "", join(v.welcome(), v.columns(v.loginCard(), v.visitsCard(), v.sessionCard())))
}

// identity is who is logged in, for the header.
func (v *view) identity() markup {
	if !v.loggedIn() {
		return ""
	}
	return fill(`<form class="identity" method="post" action="/logout">
<span class="avatar" aria-hidden="true">{}</span>
<span class="who"><span>Logged in as</span> <strong id="user" data-user="{}">{}</strong></span>
<button id="logout" class="quiet">Log out</button>
</form>`, initials(v.user.full), v.user.name, v.user.full)
}

// columns puts who one is beside what there is, where there is room.
func (v *view) columns(self ...markup) markup {
	return fill(`<div class="columns">
<div class="column">
{}</div>
<div class="column">
{}</div>
</div>`, join(self...), v.shopCard())
}

func (v *view) framed(title, identity, main markup) markup {
	return fill(frame, title, identity, v.flashCard(), main, fill(`<p>Made-up people, made-up food, real sessions: kept in {} by <a href="https://github.com/larder-go/larder" rel="noreferrer">Larder</a>.</p>
<p>HTML and CSS, no script.</p>`, v.where))
}

func (v *view) flashCard() markup {
	if len(v.flashes) == 0 {
		return ""
	}
	var messages markup
	for _, m := range v.flashes {
		messages += fill("<p>{}</p>", m)
	}
	return fill(`<div id="flash" class="flash" role="status" aria-live="polite">{}</div>`, messages)
}

func (v *view) welcome() markup {
	return fill(`<div class="hero">
<h1>Sessions that stay.</h1>
<p>{} Open a second browser, and sign it out from here.</p>
{}</div>
`, v.dare("Log in, fill the cart, stop the program and start it again: it still knows you.", "Log in, fill the cart, and move it between servers: it still knows you."), v.ringHint())
}

// dare is what the page dares people to do; a ring may end with the program.
func (v *view) dare(alone, onRing markup) markup {
	if v.ring != nil {
		return onRing
	}
	return alone
}

func (v *view) greeting() markup {
	first, _, _ := strings.Cut(v.user.full, " ")
	return fill(`<div class="hero">
<h1>Good to see you, {}.</h1>
<p>{} Log in with a second browser, and sign it out from here.</p>
{}</div>
`, first, v.dare("Stop the program and start it again, then load this page: you are still logged in.",
		"Change the servers under this page, then load it: you are still logged in."), v.ringHint())
}

// problemPage tells of an error, in the same frame.
func problemPage(title, text string) markup {
	v := view{where: "a store"}
	return v.framed(fill("{}", title), "", fill(`<div id="problem" class="hero problem">
<h1>{}</h1>
<p>{}</p>
<p><a class="button" href="/">Back to the page</a></p>
</div>`, title, text))
}

func initials(full string) string {
	var b strings.Builder
	for word := range strings.FieldsSeq(full) {
		for _, r := range word {
			b.WriteRune(r)
			break
		}
	}
	return b.String()
}
