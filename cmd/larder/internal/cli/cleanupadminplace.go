package cli

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"

	"github.com/larder-go/larder/store"
)

const (
	adminFlag     = "admin"
	envAdminToken = "LARDER_ADMIN_TOKEN" // sent as Authorization: Bearer
)

// adminPlace is where a program has mounted the handler of package admin.
type adminPlace struct {
	shown   string   // for messages: without a password
	url     *url.URL // of the page; its path ends with a slash
	network string
	address string // host and port, or a unix socket
	tls     bool
}

const adminExamples = "examples are http+unix:///run/app.sock, http+unix:///run/app.sock:/admin and https://host:8080/admin"

// parseAdmin reads http://host/path, https://host/path, and http+unix:SOCKET or http+unix:SOCKET:/path; unix: alone, as larder demo --admin has it,
// means the same. What is special in the name of a socket is percent-encoded, as %3A/ for a colon before a slash.
func parseAdmin(raw string) (*adminPlace, error) {
	scheme, rest, _ := strings.Cut(raw, ":")
	switch scheme {
	case "unix", "http+unix":
		return parseAdminSocket(raw, rest)
	case "http", "https":
	default:
		return nil, usage(adminExamples, "--admin %q: it begins with neither http: nor https: nor http+unix:", store.Redact(raw))
	}
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return nil, usage(adminExamples, "--admin %q cannot be read as a URL", store.Redact(raw))
	case u.Host == "":
		return nil, usage(adminExamples, "--admin %q names no host", store.Redact(raw))
	case u.RawQuery != "" || u.Fragment != "":
		return nil, usage(adminExamples, "--admin %q: the address of the page has no parameters", store.Redact(raw))
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[scheme]
	}
	u.Path, u.RawPath = strings.TrimSuffix(u.Path, "/")+"/", ""
	return &adminPlace{store.Redact(raw), u, "tcp", net.JoinHostPort(u.Hostname(), port), scheme == "https"}, nil
}

func parseAdminSocket(raw, rest string) (*adminPlace, error) {
	if after, ok := strings.CutPrefix(rest, "//"); ok {
		if !strings.HasPrefix(after, "/") {
			return nil, usage(adminExamples, "--admin %q: an absolute path follows http+unix://, after a third slash", raw)
		}
		rest = after
	}
	socket, path, _ := strings.Cut(rest, ":/")
	socket, err := url.PathUnescape(socket)
	if err != nil || socket == "" || strings.ContainsAny(rest, "?#") {
		return nil, usage(adminExamples, "--admin %q names no socket", raw)
	}
	if path = strings.Trim(path, "/"); path != "" {
		path += "/"
	}
	u, err := url.Parse("http://localhost/" + path)
	if err != nil {
		return nil, usage(adminExamples, "--admin %q cannot be read", raw)
	}
	return &adminPlace{raw, u, "unix", socket, false}, nil
}

// post sends a request and returns the answer; end ends both. Refused: http.Client, which would bring its proxies, its HTTP/2 and its pools into the
// command, half a megabyte for one request. It is not sent on where the answer sends elsewhere: whoever does is no handler of ours, and may not
// have the token.
func (p *adminPlace) post(ctx context.Context, name string, header http.Header, body []byte) (r *http.Response, end func(), err error) {
	dialer := &net.Dialer{Timeout: 10 * time.Second}
	conn, err := dialer.DialContext(ctx, p.network, p.address)
	if err != nil {
		return nil, nil, err
	}
	unwatch := context.AfterFunc(ctx, func() { conn.Close() }) // whereupon the program stops
	end = func() {
		unwatch()
		conn.Close()
	}
	c := conn
	if p.tls {
		c = tls.Client(conn, &tls.Config{ServerName: p.url.Hostname()})
	}
	if u := p.url.User; u != nil && header.Get("Authorization") == "" {
		password, _ := u.Password()
		header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(u.Username()+":"+password)))
	}
	var head bytes.Buffer
	fmt.Fprintf(&head, "POST %s%s HTTP/1.1\r\nHost: %s\r\nUser-Agent: larder\r\nConnection: close\r\nContent-Length: %d\r\n", p.url.EscapedPath(), name, p.url.Host, len(body))
	header.Write(&head)
	head.WriteString("\r\n")
	head.Write(body)
	if _, err = c.Write(head.Bytes()); err == nil {
		answer := &io.LimitedReader{R: c, N: mostHeader} // who listens there may be anybody
		r, err = http.ReadResponse(bufio.NewReader(answer), &http.Request{Method: http.MethodPost})
		answer.N = math.MaxInt64
	}
	if err != nil {
		end()
		return nil, nil, err
	}
	return r, end, nil
}

// mostHeader is far more than the header of an answer of ours has.
const mostHeader = 64 << 10

// unreachable explains why there is no answer, or no more of one.
func (p *adminPlace) unreachable(ctx context.Context, err error) error {
	const look = "look whether the program runs, and at --admin; "
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		return ctx.Err()
	case ctx.Err() != nil:
		return &failure{exitError, fmt.Errorf("the program at %s did not end its sweep in time", p.shown), "it has been told to stop; look at its log"}
	case errors.Is(err, syscall.ECONNREFUSED), p.network == "unix" && errors.Is(err, fs.ErrNotExist):
		return &failure{exitError, fmt.Errorf("nobody listens at %s", p.shown), look + "where none has the store open, --store cleans it up"}
	case errors.Is(err, fs.ErrPermission):
		return &failure{exitError, fmt.Errorf("%s: permission denied", p.shown), "run it as a user who may write to the socket"}
	}
	return &failure{exitError, fmt.Errorf("%s cannot be reached, or broke off: %w", p.shown, err), look + "what it has removed by now stays removed"}
}

// understands looks whether it is the handler of package admin that has answered.
func (p *adminPlace) understands(r *http.Response) error {
	switch v := r.Header.Get("Larder-Admin"); {
	case v == "1":
		return nil
	case v != "":
		return &failure{exitError, fmt.Errorf("the program at %s is of another release: its admin handler has version %q", p.shown, v), "use the larder command of its release"}
	case r.StatusCode == http.StatusUnauthorized || r.StatusCode == http.StatusForbidden:
		return &failure{exitError, fmt.Errorf("the program at %s does not let everybody in (%d)", p.shown, r.StatusCode),
			"give a user and a password in the URL, or a token in " + envAdminToken + "; or use a unix socket"}
	}
	return usage("name the path that the program mounts admin.Handler on; "+adminExamples, "what answers at %s is no admin handler (%d)", p.shown, r.StatusCode)
}
