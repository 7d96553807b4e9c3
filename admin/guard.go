package admin

import (
	"net"
	"net/http"
	"slices"
	"strings"
)

// guard sets what the browser is to refuse, on every answer. Scripts and styles come from files of ours alone, and no script can make
// markup of a text: require-trusted-types-for makes the browser refuse what the page's script does not do anyhow.
func guard(h http.Header) {
	h.Set(versionHeader, version)
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "+
		"frame-ancestors 'none'; base-uri 'none'; require-trusted-types-for 'script'; trusted-types 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin") // not no-referrer, or older browsers send "Origin: null", which counts as another site
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
}

// refuse says why a request is not served, wherever it goes.
func (h *Handler) refuse(r *http.Request) *problem {
	if err := h.crossOrigin.Check(r); err != nil {
		return &problem{"cross_origin", "another site sent this request, so nothing was done", "", http.StatusForbidden}
	}
	if fromElsewhere(r) {
		return &problem{"cross_origin", "another site sent this request, and it may only lead to the page", "", http.StatusForbidden}
	}
	if onLoopback(r) && !h.knowsHost(r.Host) {
		return &problem{"host", "on this machine the handler answers to localhost and to addresses, not to this name",
			"a reverse proxy that hands its name through needs it in admin.Options.Hosts", http.StatusForbidden}
	}
	return nil
}

// fromElsewhere tells whether a browser has sent the request for a page of another site, or of another port of this host, and not because somebody
// follows a link to ours. It could not read the answer, but have the store looked through again and again by what it takes for images.
func fromElsewhere(r *http.Request) bool {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "cross-site", "same-site":
		name, _ := route(r.URL.Path)
		link := r.Header.Get("Sec-Fetch-Mode") == "navigate" && r.Header.Get("Sec-Fetch-Dest") == "document"
		return !link || name != pagePlace || r.URL.RawQuery != ""
	}
	return false
}

// onLoopback tells whether the request came in on a loopback address. What listens there often asks nobody who he is, as only this machine can
// reach it; but so can a web page in a browser on this machine, whose name its owner lets point to 127.0.0.1 all of a sudden: then the page
// and the handler are one site to the browser, and CrossOriginProtection sees nothing wrong. Elsewhere the name may be any.
func onLoopback(r *http.Request) bool {
	addr, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	return ok && addr.IP.IsLoopback()
}

func (h *Handler) knowsHost(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
	if host == "localhost" || strings.HasSuffix(host, ".localhost") || net.ParseIP(host) != nil {
		return true
	}
	return slices.ContainsFunc(h.o.Hosts, func(known string) bool { return known == "*" || strings.EqualFold(known, host) })
}
