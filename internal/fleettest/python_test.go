package fleettest

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"strings"
	"testing"

	"github.com/larder-go/larder/internal/testneed"
)

// script does what it reads from its input, and writes what it found; values are in base64.
const script = `
import base64, json, sys
job = json.load(sys.stdin)
if job["library"] == "pylibmc":
    import pylibmc
    c = pylibmc.Client(["%s:%d" % (s["addr"], s["weight"]) for s in job["servers"]], behaviors=job["behaviors"])
else:
    import memcache
    if job["behaviors"].get("retries"):
        memcache.Client._SERVER_RETRIES = job["behaviors"]["retries"]
    c = memcache.Client([(s["addr"], s["weight"]) for s in job["servers"]])
done, found = [], {}
for key, value in (job["set"] or {}).items():
    try:
        if c.set(key, base64.b64decode(value)):
            done.append(key)
    except Exception:
        pass
for key in job["get"] or []:
    value = c.get(key)
    if value is not None:
        found[key] = base64.b64encode(value).decode()
json.dump({"done": done, "found": found}, sys.stdout)
`

type job struct {
	Library   string            `json:"library"`
	Behaviors json.RawMessage   `json:"behaviors"`
	Servers   []jobServer       `json:"servers"`
	Set       map[string][]byte `json:"set"`
	Get       []string          `json:"get"`
}

type jobServer struct {
	Addr   string `json:"addr"`
	Weight int    `json:"weight"`
}

type outcome struct {
	Done  []string          `json:"done"`
	Found map[string][]byte `json:"found"`
}

// python is a Python that has a library.
func python(t *testing.T, need, module string) string {
	t.Helper()
	for _, name := range []string{"/usr/bin/python3", "python3"} {
		if exec.Command(name, "-c", "import "+module).Run() == nil {
			return name
		}
	}
	testneed.Missing(t, need, "install "+need+" for /usr/bin/python3, as make test does")
	return ""
}

func (j job) do(t *testing.T) outcome {
	t.Helper()
	need, module := testneed.Pylibmc, "pylibmc"
	if j.Library != "pylibmc" {
		need, module = testneed.PythonMemcached, "memcache"
	}
	input, err := json.Marshal(j)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(python(t, need, module), "-c", script)
	var out, problems bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(input), &out, &problems
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s: %v: %.2000s", j.Library, err, problems.String())
	}
	var result outcome
	if err := json.Unmarshal(out.Bytes(), &result); err != nil {
		t.Fatalf("%s says %.200q: %v", j.Library, out.String(), err)
	}
	return result
}

func pylibmc(behaviors string) func(*testing.T, *fleet) peer { return pythonPeer("pylibmc", behaviors) }
func pythonMemcached() func(*testing.T, *fleet) peer         { return pythonPeer("python-memcached", `{}`) }

func pythonPeer(library, behaviors string) func(*testing.T, *fleet) peer {
	return func(t *testing.T, f *fleet) peer { return newJob(f, library, behaviors) }
}

func newJob(f *fleet, library, behaviors string) job {
	j := job{Library: library, Behaviors: json.RawMessage(behaviors)}
	for i, n := range f.nodes {
		j.Servers = append(j.Servers, jobServer{f.servers[i].Addr, n.Weight})
	}
	return j
}

func (j job) set(t *testing.T, pairs map[string]string) {
	t.Helper()
	j.Set = make(map[string][]byte)
	for key, value := range pairs {
		j.Set[key] = []byte(value)
	}
	if n := len(j.do(t).Done); n != len(pairs) {
		t.Errorf("%s has put %d of %d", j.Library, n, len(pairs))
	}
}

func (j job) get(t *testing.T, keys []string) map[string]string {
	t.Helper()
	j.Get = keys
	found := make(map[string]string)
	for key, value := range j.do(t).Found {
		found[key] = strings.Clone(string(value))
	}
	return found
}
