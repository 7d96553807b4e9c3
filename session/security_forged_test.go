package session_test

import (
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/larder-go/larder/session"
	"github.com/larder-go/larder/store"
)

// forger makes cookies that this manager did not sign, out of those that it did. Each function of forgeries makes lines of the header
// Cookie; n counts how often it was asked, so that it goes through all positions and lengths in turn.
type forger struct {
	rng   *rand.Rand
	valid [4]string // tokens of sessions that are there
}

func (f *forger) pick(n int) string { return f.valid[n%len(f.valid)] }

func cookie(value string) []string { return []string{hostCookie + "=" + value} }

const urlAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

// ending puts one of the three other characters that stand for the same bits at the end of either half.
func ending(token string, n int) string {
	at := [...]int{42, len(token) - 1}[n%2]
	digit := strings.IndexByte(urlAlphabet, token[at])
	return token[:at] + string(urlAlphabet[digit&^3|(digit+1+n/2%3)&3]) + token[at+1:]
}

var forgeries = map[string]func(f *forger, n int) []string{
	"random": func(f *forger, n int) []string { return cookie(sign(randomBytes(32), hostCookie, randomBytes(32))) },
	"other key, id that is there": func(f *forger, n int) []string {
		id, _ := b64.DecodeString(f.pick(n)[:43])
		return cookie(sign([]byte(strings.Repeat("another key ", 3)+fmt.Sprint(n)), hostCookie, id))
	},
	"other name": func(f *forger, n int) []string {
		id, _ := b64.DecodeString(f.pick(n)[:43])
		name := [...]string{"session", "__Secure-session", "__host-session", "__Host-sessio", "__Host-session2", "", "Session-Token"}[n%7]
		return cookie(sign(raceKeys[0], name, id))
	},
	"flipped bit": func(f *forger, n int) []string {
		token := []byte(f.pick(n / (87 * 8)))
		token[n/8%87] ^= 1 << (n % 8)
		return cookie(string(token))
	},
	"other character": func(f *forger, n int) []string {
		token, at := []byte(f.pick(n)), n%87
		for was := token[at]; token[at] == was; {
			token[at] = byte(f.rng.IntN(256))
		}
		return cookie(string(token))
	},
	"truncated":    func(f *forger, n int) []string { return cookie(f.pick(n)[:n%87]) },
	"cut in front": func(f *forger, n int) []string { return cookie(f.pick(n)[1+n%86:]) },
	"longer": func(f *forger, n int) []string {
		return cookie(f.pick(n) + [...]string{"A", "=", "==", ".", "\x00", "A" + f.pick(n+1), "." + f.pick(n+1)}[n%7])
	},
	"other ending":   func(f *forger, n int) []string { return cookie(ending(f.pick(n), n)) },
	"swapped halves": func(f *forger, n int) []string { return cookie(f.pick(n)[44:] + "." + f.pick(n)[:43]) },
	"halves of two":  func(f *forger, n int) []string { return cookie(f.pick(n)[:44] + f.pick(n + 1)[44:]) },
	"one half twice": func(f *forger, n int) []string {
		half := strings.Split(f.pick(n), ".")[n%2]
		return cookie(half + "." + half)
	},
	"control character": func(f *forger, n int) []string {
		token, at, c := f.pick(n), n%88, [...]string{"\x00", "\n", "\r", "\r\n", "\t", "\x7f", " ", "é", "\u2028", "\xff"}[n/88%10]
		if at == 87 || at == 0 && c != "\x00" || c == "\t" || c == " " {
			at = 43 // what stands around a cookie's value is cut off, and so is no part of the token
		}
		if n/880%2 == 0 && at < 87 {
			return cookie(token[:at] + c + token[at+1:])
		}
		return cookie(token[:at] + c + token[at:])
	},
	"other base64": func(f *forger, n int) []string {
		id, _ := b64.DecodeString(f.pick(n)[:43])
		mac, _ := b64.DecodeString(f.pick(n)[44:])
		id[0], mac[0] = 0xfb, 0xff // a character that differs between the alphabets, were anything else right
		return cookie([...]*base64.Encoding{base64.StdEncoding, base64.URLEncoding, base64.RawStdEncoding}[n%3].EncodeToString(id) + "." +
			base64.RawStdEncoding.EncodeToString(mac))
	},
	"other case": func(f *forger, n int) []string { return cookie(flipCase(f.pick(n), f.rng.IntN(87))) },
	"percent":    func(f *forger, n int) []string { return cookie(strings.Replace(f.pick(n), ".", "%2E", 1)) },
	"id alone":   func(f *forger, n int) []string { return cookie(f.pick(n)[:43+n%2]) },
	"quoted":     func(f *forger, n int) []string { return cookie(`"` + ending(f.pick(n), n) + `"`) },
	"name nearly so": func(f *forger, n int) []string {
		name := [...]string{"__host-session", "__HOST-SESSION", "__Host-session\u2000", "\u2000__Host-session", "\u00a0__Host-session", "\x00__Host-session", "$__Host-session",
			"__Host-session\v", "__Secure-session", "session", "__Host-session[]", "__Host%2Dsession", "\v__Host-session"}[n%13]
		return []string{name + "=" + f.pick(n)}
	},
	"within another": func(f *forger, n int) []string {
		line := [...]string{"a=b, __Host-session=%s", "a=b\n__Host-session=%s", "$Version=1,__Host-session=%s", "==__Host-session=%s", "__Host-session==%s", "__Host-session %s"}[n%6]
		return []string{fmt.Sprintf(line, f.pick(n))}
	},
	"several": func(f *forger, n int) []string {
		var lines []string
		for i := range 2 + n%6 {
			lines = append(lines, strings.Repeat("a=b; ", n%3)+hostCookie+"="+ending(f.pick(n), n+i)+"; "+hostCookie+"="+f.pick(n)[:n%87])
		}
		return lines
	},
}

func flipCase(token string, at int) string {
	b := []byte(token)
	for i := range b {
		if c := b[(at+i)%len(b)]; c|0x20 >= 'a' && c|0x20 <= 'z' {
			b[(at+i)%len(b)] ^= 0x20
			break
		}
	}
	return string(b)
}

// nobody is a ResponseWriter of which only the header counts.
type nobody http.Header

func (n nobody) Header() http.Header         { return http.Header(n) }
func (n nobody) Write(p []byte) (int, error) { return len(p), nil }
func (n nobody) WriteHeader(int)             {}

// TestForgedCookiesCostNoStoreCall: 1,000,000 cookies that this manager did not sign, and the store hears nothing of them. With the race
// detector it is a fifth of them.
func TestForgedCookiesCostNoStoreCall(t *testing.T) {
	total := share(1_000_000, 200_000)
	s, calls := counted(store.NewMap(nil))
	m := manage(t, s, session.Options{})
	f := forger{}
	for i := range f.valid {
		f.valid[i] = marked(t, m, "mark", "here")
	}
	for _, token := range f.valid {
		if mark, _, _ := look(t, m, token); mark != "here" {
			t.Fatal("a valid token does not work: what follows would prove nothing")
		}
	}
	var kinds []string
	for kind := range forgeries {
		kinds = append(kinds, kind)
	}
	begun, before := time.Now(), calls.Load()
	var next atomic.Int64
	var group sync.WaitGroup
	for worker := range runtime.GOMAXPROCS(0) {
		group.Go(func() {
			mine := forger{rng: rand.New(rand.NewPCG(1, uint64(worker))), valid: f.valid}
			var tries string
			h := m.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if session.From(r.Context()).Has("mark") || !session.From(r.Context()).Info().New {
					t.Errorf("%q opens a session", tries)
				}
				w.Write(nil)
			}))
			w := nobody{}
			r, _ := http.NewRequestWithContext(t.Context(), "GET", "https://example.test/", nil)
			for n := int(next.Add(1)); n <= total && !t.Failed(); n = int(next.Add(1)) {
				tries = kinds[n%len(kinds)]
				clear(w)
				r.Header["Cookie"] = forgeries[tries](&mine, n/len(kinds))
				h.ServeHTTP(w, r)
				if w["Set-Cookie"] != nil {
					t.Errorf("%q is answered by a cookie", tries)
				}
				if calls.Load() != before {
					t.Errorf("%q costs a call of the store", tries)
				}
			}
		})
	}
	group.Wait()
	took := time.Since(begun)
	t.Logf("%d cookies of %d kinds in %v, %v each", total, len(kinds), took.Round(time.Millisecond), (took / time.Duration(total)).Round(10*time.Nanosecond))
}

// TestHugeHeadersAreCheap: as long as a server takes them, 1 MB, in every shape that makes work.
func TestHugeHeadersAreCheap(t *testing.T) {
	s, calls := counted(store.NewMap(nil))
	m := manage(t, s, session.Options{})
	valid := marked(t, m, "mark", "here")
	before := calls.Load()
	for name, line := range map[string]string{
		"one value":          hostCookie + "=" + strings.Repeat("A", 1<<20),
		"forged tokens":      strings.Repeat(hostCookie+"="+ending(valid, 0)+";", 1<<20/103),
		"other key's tokens": strings.Repeat(hostCookie+"="+sign(randomBytes(32), hostCookie, randomBytes(32))+";", 1<<20/103),
		"semicolons":         strings.Repeat(";", 1<<20),
		"spaces":             strings.Repeat(" ", 1<<20),
		"quotes":             hostCookie + "=" + strings.Repeat("\"", 1<<20),
		"names":              strings.Repeat(hostCookie, 1<<20/14),
	} {
		begun := time.Now()
		r, _ := http.NewRequestWithContext(t.Context(), "GET", "https://example.test/", nil)
		r.Header.Set("Cookie", line)
		a := serve(t, m, func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { s.Keys() }, r)
		if a.token != "" || a.cleared || calls.Load() != before {
			t.Errorf("%s: token %v, cleared %v, %d calls of the store", name, a.token != "", a.cleared, calls.Load()-before)
		}
		t.Logf("%s: %v", name, time.Since(begun).Round(10*time.Microsecond))
	}
	// Valid tokens are looked up, but not any number of them: a client has as many as it likes.
	var tokens []string
	for range 1000 {
		tokens = append(tokens, sign(raceKeys[0], hostCookie, randomBytes(32)))
	}
	before = calls.Load()
	if look(t, m, tokens...); calls.Load()-before > 4 {
		t.Errorf("1000 tokens in one request cost %d calls of the store", calls.Load()-before)
	}
}
