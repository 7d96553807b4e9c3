package cli

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/larder-go/larder/internal/testserver"
)

// TestScalingPage runs the commands of docs/scaling.md in their order, on servers in place of those of its examples: what was put in at the beginning
// is there after each move.
func TestScalingPage(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../../../docs/scaling.md")
	if err != nil {
		t.Fatal(err)
	}
	pair := testserver.NewPostgresPair(t, false)
	set := testserver.NewRedisSentinel(t, 1)
	var cluster []string
	for _, n := range testserver.RedisCluster(t)[:3] {
		cluster = append(cluster, n.Addr)
	}
	three, four := testserver.NewRedis(t), testserver.NewRedis(t)
	files := "file://" + t.TempDir()
	elsewhere := strings.NewReplacer(
		"file:///var/lib/app/sessions", files,
		"postgres://app@db1,db2/app?target_session_attrs=read-write", pair.URL, "postgres://app@db1/app", pair.Primary.URL,
		"redis://s1,s2,s3/0?x-master=app", set.URL, "redis://c1,c2,c3", "redis://"+strings.Join(cluster, ","),
		"redis://r1", set.Nodes[0].URL, "redis://r3", three.URL, "redis://r4", four.URL)
	for _, url := range []string{files, three.URL} { // where the moves of the page begin
		put(t, url, setKeys(t, 20))
	}
	ran := 0
	for _, line := range regexp.MustCompile(`(?m)^larder .*$`).FindAllString(string(page), -1) {
		var args []string
		for i, word := range regexp.MustCompile(`'[^']*'|\S+`).FindAllString(line, -1) {
			if i > 0 {
				args = append(args, strings.Trim(elsewhere.Replace(word), "'"))
			}
		}
		code, stdout, stderr := larderAt("", "", args...)
		if code != exitDone {
			t.Fatalf("%s: %d, %s", line, code, stderr)
		}
		if args[0] == "stat" && !strings.Contains(stdout, "entries   20\n") {
			t.Errorf("%s: %s", line, stdout)
		}
		ran++
	}
	if ran < 8 {
		t.Errorf("the page has %d commands", ran)
	}
}
