package session_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/larder-go/larder/internal/interleave"
	"github.com/larder-go/larder/store"
)

// raceCount is how many there are to be: usual ones in a normal run, a fifth of them with -short, soak with LARDER_SOAK=1; or what the
// variable says.
func raceCount(t *testing.T, env string, usual, soak int) int {
	n := usual
	switch {
	case os.Getenv(env) != "":
		n, _ = strconv.Atoi(os.Getenv(env))
	case os.Getenv("LARDER_SOAK") != "":
		n = soak
	case testing.Short():
		n = usual / 5
	}
	if n <= 0 {
		t.Fatalf("%s=%q is no number of races", env, os.Getenv(env))
	}
	return n
}

// raceSeed is the first seed: LARDER_RACE_SEED, or 1.
func raceSeed(t *testing.T) uint64 {
	text := os.Getenv("LARDER_RACE_SEED")
	if text == "" {
		return 1
	}
	seed, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("LARDER_RACE_SEED=%q is no number", text)
	}
	return seed
}

// TestRandomSchedules lets three clients make a few requests each, in an order drawn from a seed, on every store.
func TestRandomSchedules(t *testing.T) {
	for _, b := range raceStores {
		t.Run(b.name, func(t *testing.T) {
			t.Parallel()
			s, first, begun := b.open(t), raceSeed(t), time.Now()
			n, requests, calls, refused := raceCount(t, "LARDER_RACE_COUNT", 500, 20_000), 0, 0, 0
			for seed := first; seed < first+uint64(n) && !t.Failed(); seed++ {
				v := random(t, s, seed)
				for _, r := range v.w.requests {
					if requests++; !r.acked() {
						refused++
					}
				}
				if calls += len(v.w.steps); len(v.broken) > 0 {
					t.Errorf("%s\n%v\nAgain: LARDER_RACE_SEED=%d LARDER_RACE_COUNT=1 go test -count=1 -run 'TestRandomSchedules/%s$' ./session",
						strings.Join(v.broken, "\n"), v.w, seed, b.name)
				}
			}
			t.Logf("%d schedules, %d requests of which %d lost a race, %d store calls, in %v", n, requests, refused, calls, time.Since(begun).Round(time.Millisecond))
		})
	}
}

// random plays one schedule. Clients are tabs of one browser, with one cookie for all, or browsers that begin with the same cookie.
func random(t testing.TB, under store.Store, seed uint64) *verdict {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 4))
	start := starts[rng.IntN(len(starts))]
	w, err := newWorld(under, fmt.Sprintf("%d:", seed), 1+rng.IntN(2), start.devices)
	if err != nil {
		t.Fatal(err)
	}
	cookies := start.ready(t, w)
	oneBrowser, shared := rng.IntN(2) == 0, cookies[len(cookies)-1]
	weights := rng.Perm(len(drawn))[:3+rng.IntN(len(drawn)-3)] // not everything in every schedule
	var clients []func(context.Context)
	for n := range 3 {
		cookie, todo := cookies[rng.IntN(len(cookies))], make([]op, 1+rng.IntN(4))
		for i := range todo {
			todo[i] = drawn[weights[rng.IntN(len(weights))]]
		}
		clients = append(clients, func(ctx context.Context) {
			for _, o := range todo {
				jar := &cookie
				if oneBrowser {
					jar = &shared // responses arrive in the order in which they were sent
				}
				w.send(ctx, n, o, *jar).keep(jar)
			}
		})
	}
	w.steps, err = interleave.Play(t.Context(), interleave.Random(rng), clients...)
	v := w.judge(t.Context())
	if err != nil {
		v.fail("%v", err)
	}
	for key := range w.keys {
		under.Delete(t.Context(), key)
	}
	return v
}

// drawn are the operations of random schedules; what is common in life is there more often.
var drawn = []op{load, load, save, save, save, renew, renew, renewAndSave, login, destroy, revoke, revokeDevice, create, enter}
