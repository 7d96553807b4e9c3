package demo

import (
	"net/http"
	"strings"
)

// deviceLabel tells a person which of his devices a session is on: "Firefox on Linux". It says nothing but names that stand here,
// whatever the User-Agent holds, since it is stored and shown. Order counts: most browsers also name those that they are like.
func deviceLabel(r *http.Request) string {
	agent := r.UserAgent()
	browser := named(agent, "Another browser", []naming{
		{"Edg", "Edge"}, {"OPR/", "Opera"}, {"SamsungBrowser/", "Samsung Internet"}, {"Vivaldi/", "Vivaldi"},
		{"Firefox/", "Firefox"}, {"FxiOS/", "Firefox"}, {"CriOS/", "Chrome"}, {"HeadlessChrome/", "Headless Chrome"}, {"Chrome/", "Chrome"},
		{"Safari/", "Safari"}, {"curl/", "curl"},
	})
	system := named(agent, "", []naming{
		{"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Android", "Android"}, {"CrOS", "ChromeOS"}, {"Windows", "Windows"},
		{"Macintosh", "macOS"}, {"Linux", "Linux"}, {"FreeBSD", "FreeBSD"}, {"OpenBSD", "OpenBSD"},
	})
	if system == "" {
		return browser
	}
	return browser + " on " + system
}

// naming is a piece of a User-Agent and what people call what it stands for.
type naming struct{ piece, name string }

func named(agent, otherwise string, namings []naming) string {
	for _, n := range namings {
		if strings.Contains(agent, n.piece) {
			return n.name
		}
	}
	return otherwise
}
