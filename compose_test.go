package larder_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestCompose holds compose.yaml and test.env together. No engine runs here that could start it.
func TestCompose(t *testing.T) {
	compose, err := os.ReadFile("compose.yaml")
	if err != nil {
		t.Fatal(err)
	}
	env, err := os.ReadFile("test.env")
	if err != nil {
		t.Fatal(err)
	}
	ports := regexp.MustCompile(`ports: \["(127\.0\.0\.1:\d+):\d+"\]`).FindAllStringSubmatch(string(compose), -1)
	if services := strings.Count(string(compose), "    image: "); len(ports) != 3 || services != len(ports) || strings.Count(string(compose), "ports:") != len(ports) {
		t.Errorf("%d services with %d ports on loopback", services, len(ports))
	}
	for _, port := range ports {
		if strings.Count(string(env), port[1]) != 1 {
			t.Errorf("%s is not in test.env", port[1])
		}
	}
	for _, name := range []string{"LARDER_TEST_POSTGRES_URL", "LARDER_TEST_MEMCACHED", "LARDER_TEST_REDIS"} {
		if !strings.Contains(string(env), "\n"+name+"=") {
			t.Errorf("%s is not in test.env", name)
		}
	}
	for _, name := range []string{"POSTGRES_USER", "POSTGRES_PASSWORD", "POSTGRES_DB"} {
		value := regexp.MustCompile(name + `: (\w+)`).FindStringSubmatch(string(compose))
		if value == nil || !strings.Contains(string(env), value[1]) {
			t.Errorf("%s is not what test.env has", name)
		}
	}
	if strings.Contains(string(compose), "\t") || strings.Contains(string(compose), "privileged") {
		t.Error("compose.yaml has a tab, or asks for more than it needs")
	}
}
