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

// Options are the options of [New]. The zero value, and nil, give the defaults.
type Options struct {
	// Keys are the keys of the MAC that tokens carry, at least 32 random bytes each. The first one signs, all are accepted. To change keys,
	// add the new one behind the old one; when all programs run with both, put the new one first; when Idle (or RememberFor) has passed
	// since then, drop the old one. nil: New keeps a key of its own in the store.
	Keys [][]byte

	// Prefix is what all keys in the store begin with. Default "session:".
	Prefix string

	// Idle is the idle time-out: a session that has not been used for so long ends, at most TouchAfter later. Default 24 hours.
	Idle time.Duration
	// Lifetime is the absolute lifetime, counted from the login or, without one, from the first save. Use does not prolong it. Default 7
	// days.
	Lifetime time.Duration
	// RememberFor is both the idle time-out and the lifetime of sessions on which [Session.Remember] was called. Default 30 days.
	RememberFor time.Duration
	// TouchAfter saves writes: the time of last use is not written again while the recorded one is younger than this. Default Idle/20;
	// negative: each use is written.
	TouchAfter time.Duration
	// Grace is how long the old id of a renewed session still works, for requests that were sent before the client had the new one. It is
	// judged by when a request arrives, so the clocks of all hosts must agree to within Grace. Default 30 seconds; negative: the old id
	// works only until the new one has been used.
	Grace time.Duration

	Cookie Cookie
	// Header, for clients that are not browsers, is the name of a header that carries the token in place of a cookie, such as
	// "Session-Token": in every request, and in the response if the token is new. With "Authorization", requests carry "Bearer TOKEN" and
	// responses Session-Token. It cannot be set together with Cookie.
	Header string

	// Codec encodes the fields; nil means [codec.MsgPack]. Fields that MsgPack, JSON, Codec or one of Codecs has encoded can be decoded.
	Codec  codec.Codec
	Codecs []codec.Codec
	// Merge says, by the name of a field, how the changes of two requests at once are put together. For other fields the last one wins.
	Merge map[string]Merger

	// Devices keeps a list of each subject's sessions, for [Manager.Sessions] and [Manager.Revoke].
	Devices bool
	// MaxSessions is how many sessions a subject may have. A login beyond that signs out the one that was not seen for longest. It implies
	// Devices. 0 means 100 with Devices, because each request of a subject reads the list, and any number without.
	MaxSessions int
	// Label names the device in that list; nil means its User-Agent. It is cut to 256 bytes. [From] finds no session in its request.
	Label func(*http.Request) string

	Unreadable Unreadable
	Outage     Outage
	// Error writes the answer that replaces the handler's if the session could not be loaded or saved; nil means [ErrorHandler]. [From]
	// finds the session of its request; in an outage that one is empty.
	Error func(w http.ResponseWriter, r *http.Request, err error)

	// Logger is told of old ids that are used after Grace, unreadable records, outages, and mistakes of the program such as changes that
	// come too late. No record shows an id. nil means [slog.Default].
	Logger *slog.Logger
	// SaveTimeout is how long a save may take. A save goes on if the client has gone meanwhile. Default 10 seconds.
	SaveTimeout time.Duration
}

// Cookie says what the cookie looks like. The zero value is the safe choice: __Host-session, Secure, HttpOnly, SameSite=Lax, kept until
// the browser is closed.
type Cookie struct {
	// Name is the name without its prefix; default "session". The browser sees __Host-session; __Secure-session if there is a Domain, or a
	// Path other than "/"; and the bare name if Insecure is set.
	Name string

	Domain string // such as "example.com": all hosts of this domain get the cookie; "": only the host that has set it
	Path   string // default "/"

	SameSite    http.SameSite // default Lax. With None, forged requests must be refused by other means: see [http.CrossOriginProtection]
	Partitioned bool          // a separate cookie for each site that embeds this one (CHIPS)

	Readable   bool // scripts may read it: no HttpOnly
	Persistent bool // the browser keeps it until the session's deadline; otherwise until it is closed, unless Remember was called

	// Insecure leaves out Secure and the prefix, so that browsers send the cookie over plain http. For development only: New logs a
	// warning.
	Insecure bool
}

// Unreadable says what happens to a session whose record cannot be read, because it is damaged or was written by a newer Larder.
type Unreadable int

const (
	NewSession Unreadable = iota // as if there were none: what is set begins a new session; cleanup removes the record when its time is over
	Fail                         // Options.Error is called with store.ErrCorrupt, until somebody repairs or removes the record
	Quarantine                   // like NewSession; a record that the store itself can read is moved to Prefix + "q:" for 30 days
)

// Outage says what happens to a request that needs its session while the store does not answer. In no case does a new session begin, or
// is a cookie sent or cleared.
type Outage int

const (
	Refuse    Outage = iota // Options.Error is called with store.ErrUnavailable, and answers 503
	Anonymous               // the handler gets an empty session; if it changes that, as Refuse
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
