package session

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/larder-go/larder/codec"
	"github.com/larder-go/larder/store"
)

// Options are the options of [New]. nil means the zero value, and so what the comments call default.
type Options struct {
	// Keys are the keys of the MAC that tokens carry, of at least 32 random bytes each: the first signs, all are accepted. To change keys:
	// add the new one behind the old; when all programs run with both, put it first; when Idle (or RememberFor) has passed since, drop the
	// old one. With nil, New keeps a key of its own in the store.
	Keys [][]byte

	// Prefix begins all keys in the store. Default "session:".
	Prefix string

	// Idle is the idle time-out: a session that nobody has used for longer is over, at most TouchAfter later. Default 24 hours.
	Idle time.Duration
	// Lifetime is the absolute lifetime, since the login or else since the first save: no use prolongs it. Default 7 days.
	Lifetime time.Duration
	// RememberFor is both idle time-out and lifetime of sessions that [Session.Remember] was called on. Default 30 days.
	RememberFor time.Duration
	// TouchAfter saves writes: a last seen that is younger is not written again. Default Idle/20; negative: each use is written.
	TouchAfter time.Duration
	// Grace is how long the old id of a renewed session still works, for requests that were under way. Default 30 seconds; negative: only
	// until the new id has been used.
	Grace time.Duration

	Cookie Cookie
	// Header names a header that carries the token in place of a cookie, in requests and, when it is new, in responses: "Session-Token".
	// With "Authorization", requests carry "Bearer TOKEN" and responses Session-Token.
	Header string

	// Codec writes the fields; nil means [codec.MsgPack]. What MsgPack, JSON or one of Codecs has written can be read.
	Codec  codec.Codec
	Codecs []codec.Codec
	// Merge says, by the name of a field, what becomes of it when two requests change it at once. Of others, the last change wins.
	Merge map[string]Merger

	// Devices keeps a list of each subject's sessions, for [Manager.Sessions] and [Manager.Revoke].
	Devices bool
	// MaxSessions is how many sessions a subject may have: a login over that signs the one out that was unseen for longest. It implies
	// Devices. 0: 100 with Devices, for each request of a subject reads the list, and else any number.
	MaxSessions int
	// Label names the device in that list; nil means its User-Agent. It is cut to 256 bytes. Its request is one without a session.
	Label func(*http.Request) string

	Unreadable Unreadable
	Outage     Outage
	// Error writes the answer that takes the place of the handler's where a session could not be loaded or saved; nil means [ErrorHandler].
	// err says which; in an outage the session of its request is there, and empty.
	Error func(w http.ResponseWriter, r *http.Request, err error)

	// Logger hears of ids used after they were renewed, unreadable records and outages; never of an id. nil means [slog.Default].
	Logger *slog.Logger
	// SaveTimeout is how long a save may take; it goes on when the client has gone. Default 10 seconds.
	SaveTimeout time.Duration
}

// Cookie says what the cookie looks like. The zero value is the safe one: __Host-session, Secure, HttpOnly, SameSite=Lax, until the
// browser ends.
type Cookie struct {
	// Name is the name without prefix; default "session". The browser sees __Host-session, with a Domain or another Path than "/"
	// __Secure-session, and with Insecure the bare name.
	Name string

	Domain string // whom the browser sends it to besides this very host; "": nobody
	Path   string // default "/"

	SameSite    http.SameSite // default Lax. None needs another defence against forged requests than that
	Partitioned bool          // one for each site that embeds this one (CHIPS)

	Readable   bool // by scripts: not HttpOnly
	Persistent bool // kept until the session's deadline; else only where Remember was called, and otherwise until the browser ends

	// Insecure leaves Secure and the prefix out, so that browsers send the cookie over plain http. For development only: New warns in the log.
	Insecure bool
}

// Unreadable says what becomes of a session whose record cannot be read: it is damaged, or a newer Larder wrote it.
type Unreadable int

const (
	NewSession Unreadable = iota // as if there were none: what is set begins a new one, under a new id; cleanup takes the record by its age
	Fail                         // Options.Error answers with store.ErrCorrupt, until somebody repairs or removes the record
	Quarantine                   // as NewSession, and a record that the store can read is moved aside for 30 days, under Prefix + "q:"
)

// Outage says what a request gets that needs its session while the store does not answer. In no case is there a new session or a cookie.
type Outage int

const (
	Refuse    Outage = iota // Options.Error answers with store.ErrUnavailable: 503
	Anonymous               // an empty session; whoever changes it is refused
)

const (
	defaultMaxSessions = 100

	maxLabel       = 256
	quarantineTime = 30 * 24 * time.Hour
)

// withDefaults returns a checked copy.
func (o *Options) withDefaults() (Options, error) {
	var c Options
	if o != nil {
		c = *o
	}
	fill := func(d *time.Duration, by time.Duration) {
		if *d == 0 {
			*d = by
		}
	}
	fill(&c.Idle, 24*time.Hour)
	fill(&c.Lifetime, 7*24*time.Hour)
	fill(&c.RememberFor, 30*24*time.Hour)
	fill(&c.TouchAfter, c.Idle/20)
	fill(&c.Grace, 30*time.Second)
	fill(&c.SaveTimeout, 10*time.Second)
	c.TouchAfter, c.Grace = max(c.TouchAfter, 0), max(c.Grace, 0)
	c.Devices = c.Devices || c.MaxSessions > 0
	if c.MaxSessions == 0 {
		c.MaxSessions = defaultMaxSessions
	}
	c.Merge = maps.Clone(c.Merge)
	if c.Prefix == "" {
		c.Prefix = "session:"
	}
	if c.Error == nil {
		c.Error = ErrorHandler
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	if c.Label == nil {
		c.Label = (*http.Request).UserAgent
	}
	err := errors.Join(c.check(), c.Cookie.fill())
	return c, err
}

// longest is a century: the records count nanoseconds until 2262, and there must be room behind any time to come.
const longest = 100 * 365 * 24 * time.Hour

var errLongest = errors.New("a hundred years (876000h) are the longest lifetime, idle time-out or grace: take that for no limit")

func (o *Options) check() error {
	switch {
	case o.Idle < 0 || o.Lifetime < 0 || o.RememberFor < 0 || o.SaveTimeout < 0:
		return errors.New("the options Idle, Lifetime, RememberFor and SaveTimeout must not be negative")
	case max(o.Idle, o.Lifetime, o.RememberFor, o.Grace) > longest:
		return errLongest
	case o.TouchAfter >= o.Idle:
		return fmt.Errorf("the option TouchAfter (%v) must be shorter than Idle (%v)", o.TouchAfter, o.Idle)
	case o.MaxSessions < 0:
		return errors.New("the option MaxSessions must not be negative")
	case o.Unreadable < NewSession || o.Unreadable > Quarantine || o.Outage < Refuse || o.Outage > Anonymous:
		return errors.New("the option Unreadable or Outage is none of the constants")
	case o.Keys != nil && len(o.Keys) == 0:
		return errors.New("the option Keys is empty: give a key, or nil to have one kept in the store")
	case len(o.Prefix) > 512 || store.CheckKey(o.Prefix) != nil:
		return errors.New("the option Prefix must be UTF-8 of at most 512 bytes without NUL")
	case o.Header != "" && o.Cookie != (Cookie{}):
		return errors.New("the options Header and Cookie exclude each other: a token travels in one of them")
	case slices.Contains(takenHeaders, http.CanonicalHeaderKey(o.Header)):
		return fmt.Errorf("the option Header %q means something else in HTTP", o.Header)
	case o.Header != "" && !isToken(o.Header):
		return fmt.Errorf("the option Header %q is not the name of a header", o.Header)
	}
	for name, merger := range o.Merge {
		if !validName(name) || merger.merge == nil {
			return fmt.Errorf("the option Merge has no Merger for %q, or no field can have that name", name)
		}
	}
	return nil
}

// takenHeaders are some that look possible and would break the response. Authorization is not among them: its responses have another one.
var takenHeaders = []string{"Cookie", "Set-Cookie", "Content-Length", "Content-Type", "Transfer-Encoding", "Connection", "Host", "Vary", "Cache-Control", "Location"}

// fill sets the defaults of a cookie and says what is wrong with it.
func (c *Cookie) fill() error {
	if c.Name == "" {
		c.Name = "session"
	}
	if c.Path == "" {
		c.Path = "/"
	}
	if c.SameSite == 0 || c.SameSite == http.SameSiteDefaultMode {
		c.SameSite = http.SameSiteLaxMode
	}
	lower := strings.ToLower(c.Name)
	switch {
	case strings.HasPrefix(lower, "__host-") || strings.HasPrefix(lower, "__secure-"):
		return errors.New("Cookie.Name must not have a prefix: it is added where the other attributes allow it")
	case !isToken(c.Name):
		return fmt.Errorf("Cookie.Name %q may have letters, digits and !#$%%&'*+-.^_`|~ only", c.Name)
	case !strings.HasPrefix(c.Path, "/"):
		return fmt.Errorf("Cookie.Path %q must begin with /", c.Path)
	case c.SameSite < http.SameSiteDefaultMode || c.SameSite > http.SameSiteNoneMode:
		return errors.New("Cookie.SameSite is none of the constants")
	case c.Insecure && (c.SameSite == http.SameSiteNoneMode || c.Partitioned):
		return errors.New("browsers refuse a cookie with SameSite=None or Partitioned that is not Secure: Cookie.Insecure cannot go with them")
	}
	if err := c.template("x", 0).Valid(); err != nil {
		return fmt.Errorf("Cookie: %w", err)
	}
	return nil
}

// fullName is the name that the browser sees.
func (c *Cookie) fullName() string {
	switch {
	case c.Insecure:
		return c.Name
	case c.Domain == "" && c.Path == "/":
		return "__Host-" + c.Name
	}
	return "__Secure-" + c.Name
}

// isToken reports whether s may be the name of a cookie or a header: RFC 9110, section 5.6.2.
func isToken(s string) bool {
	return s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-.^_`|~") == ""
}
