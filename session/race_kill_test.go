package session_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/larder-go/larder/diskstore"
	"github.com/larder-go/larder/internal/interleave"
	"github.com/larder-go/larder/internal/testserver"
	"github.com/larder-go/larder/redisstore"
	"github.com/larder-go/larder/session"
	"github.com/larder-go/larder/store"
	"github.com/redis/go-redis/v9"
)

// victim is what a process that is to be killed does: it begins sessions, renews them, logs in and destroys them, and tells on a pipe which cookies there
// are. It kills itself by SIGKILL at a call of the store, before or after it, or where At is 0 waits to be killed from outside.
type victim struct {
	Dir, Redis string // where the sessions are
	Prefix     string
	Seed       uint64
	At         int // call
	After      bool
	Broken     string // its store: "removal" or "replacing" does nothing
}

const victimEnv = "LARDER_TEST_RACE_VICTIM"

func TestMain(m *testing.M) {
	if text := os.Getenv(victimEnv); text != "" {
		var v victim
		if err := json.Unmarshal([]byte(text), &v); err != nil {
			panic(err)
		}
		v.run()
		os.Exit(0)
	}
	os.Exit(testserver.With(m).Run())
}

// kill ends this process at once.
func kill() {
	if p, err := os.FindProcess(os.Getpid()); err == nil {
		p.Kill()
	}
	select {}
}

func (v victim) open() (store.Closer, error) {
	if v.Redis == "" {
		return diskstore.Open(v.Dir, nil)
	}
	return redisstore.New(redis.NewClient(&redis.Options{Addr: v.Redis}), &redisstore.Options{Prefix: v.Prefix})
}

func (v victim) options() *session.Options {
	o := raceOptions(v.Prefix, v.Seed%2 == 0)
	o.Grace = -1 // what counts beyond the grace counts alone
	return o
}

// life says what the next request is for. Each session is used a few times and then destroyed.
func (v victim) life(rng *rand.Rand, have bool) op {
	switch n := rng.IntN(10); {
	case !have && n < 5:
		return create
	case !have:
		return enter
	case n < 4:
		return renew
	case n < 6:
		return renewAndSave
	case n < 7:
		return login
	case n < 8:
		return save
	}
	return destroy
}

func (v victim) run() {
	under, err := v.open()
	if err != nil {
		panic(err)
	}
	w := &world{}
	calls := 0
	m, err := session.New(&interleave.Store{Under: under, Around: func(_ context.Context, c interleave.Call, call func() error) (err error) {
		if calls++; calls == v.At && !v.After {
			kill()
		}
		replaces := c.New != nil && c.Old != ""
		if c.Op != "swap" || v.Broken != "removal" && v.Broken != "replacing" || c.New != nil && v.Broken == "removal" || !replaces && v.Broken == "replacing" {
			err = call()
		}
		if calls == v.At {
			kill()
		}
		return err
	}}, v.options())
	if err != nil {
		panic(err)
	}
	w.managers, w.handlers = []*session.Manager{m}, []http.Handler{m.Handler(http.HandlerFunc(w.serve))}
	rng := rand.New(rand.NewPCG(v.Seed, 5))
	var cookie *token
	for range 1000 {
		o := v.life(rng, cookie != nil)
		fmt.Println("begin", o.name)
		r := w.send(context.Background(), 0, o, cookie)
		switch r.keep(&cookie); {
		case !r.acked():
			fmt.Println("status", r.status)
		case r.cleared:
			fmt.Println("gone")
		case r.set != nil:
			fmt.Println("cookie", cookie.value)
		default:
			fmt.Println("done")
		}
	}
}

// trace is what a parent knows of its victim.
type trace struct {
	lives  [][]string // the cookies of each session, in order
	under  string     // the request under way
	others []string
}

// follow runs a victim until it is dead.
func follow(t *testing.T, v victim, wait time.Duration) (tr trace) {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), victimEnv+"="+string(text))
	cmd.Stderr = t.Output()
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	if wait > 0 {
		kill := time.AfterFunc(wait, func() { cmd.Process.Kill() })
		defer kill.Stop()
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		what, which, _ := strings.Cut(lines.Text(), " ")
		if what == "begin" {
			if tr.under = which; which == create.name || which == enter.name {
				tr.lives = append(tr.lives, nil)
			}
			continue
		}
		if tr.under = ""; what == "cookie" {
			n := len(tr.lives) - 1
			tr.lives[n] = append(tr.lives[n], which)
		} else if what == "gone" {
			tr.lives = append(tr.lives, nil)
		} else if what != "done" {
			tr.others = append(tr.others, lines.Text())
		}
	}
	cmd.Wait() // killed, as it should be
	return tr
}

// check uses the cookies as the client of the killed process would, and returns what is wrong.
func (v victim) check(t *testing.T, tr trace) (wrong []string) {
	t.Helper()
	fail := func(format string, args ...any) {
		wrong = append(wrong, fmt.Sprintf("seed %d, killed at call %d (after it: %v), in a %q: ", v.Seed, v.At, v.After, tr.under)+fmt.Sprintf(format, args...))
	}
	s, err := v.open()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if len(tr.others) > 0 {
		fail("the victim says %q", tr.others)
	}
	m, err := session.New(s, v.options())
	if err != nil {
		t.Fatal(err)
	}
	use := func(cookie string) (string, bool) {
		c := &client{cookie: "__Host-session=" + cookie, h: m.Handler(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if s := session.From(r.Context()); len(s.Keys()) == 0 {
				rw.WriteHeader(http.StatusGone)
			}
		}))}
		code := c.do(t.Context(), nil)
		if code != http.StatusOK && code != http.StatusGone {
			fail("status %d", code)
		}
		return strings.TrimPrefix(c.cookie, "__Host-session="), code == http.StatusOK
	}
	for n, cookies := range tr.lives {
		if len(cookies) == 0 {
			continue
		}
		last, live := cookies[len(cookies)-1], n == len(tr.lives)-1
		now, alive := use(last)
		switch {
		case !live && alive:
			fail("a session that was destroyed is alive")
		case live && !alive && tr.under != destroy.name && tr.under != login.name:
			fail("no cookie is left")
		}
		if alive {
			use(now) // the one that the client now has
			if _, still := use(now); !still {
				fail("the cookie given in exchange is dead")
			}
		}
		for _, old := range cookies {
			if _, still := use(old); still && old != now {
				fail("two cookies of %d are valid", len(cookies))
			}
		}
	}
	return wrong
}

// draw makes the victim of a seed.
func (v victim) draw(seed uint64) (_ victim, wait time.Duration) {
	rng := rand.New(rand.NewPCG(seed, 6))
	v.Seed, v.At, v.After, v.Prefix = seed, 1+rng.IntN(80), rng.IntN(2) == 0, fmt.Sprintf("k%d:", seed)
	if rng.IntN(5) == 0 {
		v.At, wait = 0, 20*time.Millisecond+rand.N(60*time.Millisecond)
	}
	return v, wait
}

// TestKill kills processes at some call of the store while they renew and destroy sessions. Afterwards each session that was not destroyed has
// one cookie, and what was destroyed has none.
func TestKill(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no store promises anything about crashes on Windows")
	}
	for _, where := range []string{"disk", "redis"} {
		t.Run(where, func(t *testing.T) {
			t.Parallel()
			place, usual := victim{}, 150
			if where == "redis" {
				place.Redis, usual = testserver.Redis(t).Addr, 50
			} else {
				place.Dir = filepath.Join(memoryDir(t), "sessions")
			}
			n, begun, lives, cookies := raceCount(t, "LARDER_RACE_KILLS", usual, 5000), time.Now(), 0, 0
			first := raceSeed(t)
			for seed := first; seed < first+uint64(n) && !t.Failed(); seed++ {
				v, wait := place.draw(seed)
				tr := follow(t, v, wait)
				lives += len(tr.lives)
				for _, life := range tr.lives {
					cookies += len(life)
				}
				for _, wrong := range v.check(t, tr) {
					t.Errorf("%s\nAgain: LARDER_RACE_SEED=%d LARDER_RACE_KILLS=1 go test -count=1 -run 'TestKill/%s' ./session", wrong, seed, where)
				}
			}
			if cookies < n {
				t.Errorf("%d cookies in %d kills: that proves nothing", cookies, n)
			}
			t.Logf("%d kills, %d sessions with %d cookies, in %v", n, lives, cookies, time.Since(begun).Round(time.Millisecond))
		})
	}
}

// TestKillHasTeeth: a store that only says that it has removed a session, or put an alias in its place, is found.
func TestKillHasTeeth(t *testing.T) {
	for _, broken := range []string{"removal", "replacing"} {
		t.Run(broken, func(t *testing.T) {
			place, wrong := victim{Dir: filepath.Join(memoryDir(t), "sessions"), Broken: broken}, []string(nil)
			for seed := uint64(1); seed <= 20 && wrong == nil; seed++ {
				v, wait := place.draw(seed)
				wrong = v.check(t, follow(t, v, wait))
			}
			if wrong == nil {
				t.Fatal("not found in 20 kills")
			}
			t.Log(wrong[0])
		})
	}
}
