package shard

import (
	"errors"
	"fmt"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"github.com/larder-go/larder/store"
)

func parse(raw string) (*urlSet, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return nil, err
	}
	return parseURL(u, store.Mux{"map": nil, "file": nil, "redis": nil, "shard": nil})
}

// TestURL: what the sets are, in each of the roll-outs of a change.
func TestURL(t *testing.T) {
	const nodes = "shard:?node=a=map:&node=b=file:%2Fx%3Fx-timeout%3D1h&node=c=map:"
	for raw, want := range map[string]string{
		nodes: "now [{a 1} {b 1} {c 1}] rendezvous",
		nodes + "&weight=b:3&placement=ketama-weighted":             "now [{a 1} {b 3} {c 1}] ketama-weighted",
		nodes + "&weight=c:0&next=c:1&prepare=true":                 "now [{a 1} {b 1}] rendezvous, next [{a 1} {b 1} {c 1}] rendezvous, prepare true, 0s",
		nodes + "&weight=c:0&next=c:1&recheck=5s":                   "now [{a 1} {b 1}] rendezvous, next [{a 1} {b 1} {c 1}] rendezvous, prepare false, 5s",
		nodes + "&weight=a:2&next=a:0&next=b:10000":                 "now [{a 2} {b 1} {c 1}] rendezvous, next [{b 10000} {c 1}] rendezvous, prepare false, 0s",
		nodes + "&next-placement=ketama":                            "now [{a 1} {b 1} {c 1}] rendezvous, next [{a 1} {b 1} {c 1}] ketama, prepare false, 0s",
		"shard:?weight=[::1]:11211:2&node=[::1]:11211=map:":         "now [{[::1]:11211 2}] rendezvous",
		"shard:?node=h%C3%A9%20%26%3A=map:&weight=h%C3%A9%20%26::2": "now [{hé &: 2}] rendezvous",
		"shard:?node=/run/a.sock=map:&&":                            "now [{/run/a.sock 1}] rendezvous",
	} {
		set, err := parse(raw)
		if err != nil {
			t.Errorf("%s: %v", raw, err)
			continue
		}
		got := fmt.Sprintf("now %v %s", set.now, set.algorithm)
		if set.changing {
			got += fmt.Sprintf(", next %v %s, prepare %t, %v", set.next, set.nextAlgorithm, set.prepare, set.recheck)
		} else if !reflect.DeepEqual(set.now, set.next) || set.algorithm != set.nextAlgorithm {
			t.Errorf("%s: it becomes another set", raw)
		}
		if got != want {
			t.Errorf("%s: %s; want %s", raw, got, want)
		}
	}
	set, err := parse(nodes)
	if err != nil || strings.Join(set.nodes, " ") != "a b c" || set.urls["b"] != "file:/x?x-timeout=1h" {
		t.Errorf("%+v, %v", set, err)
	}
}

// TestURLRefuses: with a word on what to write, and without a piece of a URL that was not encoded.
func TestURLRefuses(t *testing.T) {
	const two = "shard:?node=a=map:&node=b=map:"
	for raw, want := range map[string]string{
		"shard:":                                         "it has no node; write shard:?node=NAME=URL",
		"shard:/tmp?node=a=map:":                         "more than parameters",
		"shard://host?node=a=map:":                       "more than parameters",
		"shard:?node=map:":                               "node number 1 has no name",
		"shard:?node==map:":                              "node number 1 has no name",
		"shard:?node=a=map:&node=b":                      "node number 2 has no name",
		"shard:?node=a=":                                 "node a has no URL",
		"shard:?node=a=map:&node=a=file:x":               "two nodes have the name a",
		"shard:?node=a=file:x&node=b=file:x":             "have the same URL",
		"shard:?node=a%07=map:":                          "cannot be printed",
		"shard:?node=a%E2%80%AE=map:":                    "cannot be printed",
		"shard:?node=a=shard:%3Fnode%3Db%3Dmap":          "node a is a set of nodes itself",
		two + "&weight=a":                                "weight=NAME:2",
		two + "&weight=:1":                               "weight=NAME:2",
		two + "&weight=a:":                               "weight=NAME:2",
		two + "&weight=a:x":                              "from 0 to 10000",
		two + "&weight=a:-1":                             "from 0 to 10000",
		two + "&weight=a:10001":                          "from 0 to 10000",
		two + "&weight=a:1.5":                            "from 0 to 10000",
		two + "&weight=a:1&weight=a:1":                   "weight is given twice",
		two + "&weight=c:1":                              "not there; there are a, b",
		two + "&next=c:1":                                "not there; there are a, b",
		two + "&weight=a:0":                              "takes no part",
		two + "&weight=a:0&weight=b:0&next=a:1&next=b:1": "all nodes have weight 0",
		"shard:?node=a=map:&weight=a:0":                  "all nodes have weight 0",
		two + "&next=a:0&next=b:0":                       "no node is left",
		two + "&next=a:1":                                "the next set is the present one",
		two + "&next-placement=rendezvous":               "the next set is the present one",
		two + "&prepare=true":                            "there is neither next nor next-placement",
		two + "&recheck=5s":                              "there is neither next nor next-placement",
		two + "&next=a:2&prepare=maybe":                  "prepare is neither true nor false",
		two + "&next=a:2&recheck=-1s":                    "recheck is negative",
		two + "&next=a:2&recheck=soon":                   "not a duration",
		two + "&placement=":                              "the placement is empty",
		two + "&placement=ketama&placement=x":            "placement is given twice",
		two + "&x-timeout=1h":                            "x-timeout belongs into the URL of each node",
		two + "&nod=c=map:":                              "parameter number 3 is none of node, weight",

		// What holds a password, not encoded as it should be.
		"shard:?node=a=redis://u:sekret&sekret@h/0":            "parameter number 2 is none of",
		"shard:?node=a=redis://u:sekret&sekret=1@h":            "parameter number 2 is none of",
		"shard:?node=a=redis://u:sekret%23x@h#sekret":          "more than parameters",
		"shard:?node=a=redis://u:sekret#sekret@h":              "more than parameters",
		"shard:?node=a=redis://u:sekret+sekret@h":              "a space in the URL of node a",
		"shard:?node=redis://u:sekret=x@h":                     "node number 1 has no name",
		"shard:?node=redis:u:sekret=x@h":                       "node number 1 has no name",
		"shard:?node=u:sekret@h=redis:":                        "node number 1 has no name",
		"shard:?node=a=redis://u:sekret&weight=sekret:x@h":     "weight=NAME:2",
		"shard:?node=a=redis://u:x&weight=sekret:1":            "not there; there are a",
		"shard:?node=a=redis://u:x&node=sekret":                "node number 2 has no name",
		"shard:?node=a=redis://u:x&recheck=sekret@h":           "recheck is not a duration",
		"shard:?node=a=redis://u:x&prepare=sekret@h":           "prepare is neither true nor false",
		"shard:?node=a=redis://u:p%2520sekret%20@h&node=b=map": "a space in the URL of node a",
	} {
		set, err := parse(raw)
		if !errors.Is(err, store.ErrInvalidURL) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, %v; want %q", raw, set, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "sekret") {
			t.Errorf("the error shows a password: %v", err)
		}
	}
}
