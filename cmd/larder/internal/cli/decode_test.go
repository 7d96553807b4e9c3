package cli

import (
	"bytes"
	"encoding/json"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/larder-go/larder/codec"
	"github.com/larder-go/larder/store"
)

// decoded is what --decode makes of a value.
func decoded(t *testing.T, f *fence, data []byte) (format, text string, hidden int) {
	t.Helper()
	v := viewer{fence: f}
	format = v.decode(data)
	if !json.Valid(v.out.Bytes()) {
		t.Errorf("%q is shown as %s, which is no JSON", data, &v.out)
	}
	return format, v.out.String(), v.hidden
}

func encode(t *testing.T, c codec.Codec, x any) []byte {
	t.Helper()
	data, err := c.Encode(x)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestDecodeFormats(t *testing.T) {
	tagged, err := codec.NewTagged(nil)
	if err != nil {
		t.Fatal(err)
	}
	moment := time.Date(2026, 11, 22, 12, 0, 0, 5, time.FixedZone("x", 3600))
	mixed := map[string]any{"n": int64(math.MinInt64), "u": uint64(math.MaxUint64), "b": []byte{0, 0xff}, "t": moment, "nan": math.NaN(),
		"f": 0.5, "no": nil, "list": []any{true, "<&>"}}
	mixedText := `{"b":{"$bytes":"AP8="},"f":0.5,"list":[true,"<&>"],"n":-9223372036854775808,"nan":{"$float":"NaN"},"no":null,` +
		`"t":{"$time":"2026-11-22T11:00:00.000000005Z"},"u":18446744073709551615}`
	for _, test := range []struct{ data, format, want string }{
		{"", "text", `""`},
		{"hello\n", "text", `"hello\n"`},
		{"MA", "text", `"MA"`},
		{"\x1b[31mred", "bytes", `{"$bytes":"G1szMW1yZWQ="}`},
		{"\x05", "bytes", `{"$bytes":"BQ=="}`},
		{"\xff\xfe", "bytes", `{"$bytes":"//4="}`},
		{"123", "json", "123"},
		{" {\"a\" : [1.50, 1e400, null, 12345678901234567890]}\n", "json", `{"a":[1.50,1e400,null,12345678901234567890]}`},
		{"{\"a\":1,}", "text", `"{\"a\":1,}"`},
		{string(encode(t, codec.MsgPack, mixed)), "msgpack", mixedText},
		{string(encode(t, tagged, mixed)), "tagged msgpack", mixedText},
		{string(encode(t, codec.MsgPack, map[any]any{int64(2): "two", "a\xff": int64(1)})), "msgpack", `{"$map":[[2,"two"],[{"$bytes":"Yf8="},1]]}`},
		{"J{\"b\":1,\"a\":2}", "tagged json", `{"b":1,"a":2}`},
		{"C\x04mine{\"a\":2}", "tagged mine", `{"a":2}`},
		{"C\x04mine\x00\x01", "tagged mine", `{"$bytes":"AAE="}`},
		{"C\x04MINE\x00\x01", "bytes", `{"$bytes":"QwRNSU5FAAE="}`},
		{`{"inner":"{\"x\":[1]}"}`, "json", `{"inner":{"$json":{"x":[1]}}}`},
		{string(encode(t, codec.MsgPack, []any{[]byte(`{"x":1}`), encode(t, codec.MsgPack, []any{int64(7)})})), "msgpack", `[{"$json":{"x":1}},{"$msgpack":[7]}]`},
	} {
		if format, text, hidden := decoded(t, newFence(nil, nil, false), []byte(test.data)); format != test.format || text != test.want || hidden != 0 {
			t.Errorf("%q is %s, %s (%d hidden); want %s, %s", test.data, format, text, hidden, test.format, test.want)
		}
	}
}

func TestDecodeRedacts(t *testing.T) {
	value := map[string]any{
		"name": "anna", "password": "hunter2", "cart": map[string]any{"Access-Token": "hunter2", "pin": int64(1234), "shipping": "post"},
		"list": []any{map[string]any{"userPIN": "hunter2"}}, "password_set": true, "token": nil, "blob": `{"api_key":"hunter2"}`,
		"creditCard": map[string]any{"number": "hunter2"}, "mail": "a@b",
	}
	for name, data := range map[string][]byte{"msgpack": encode(t, codec.MsgPack, value), "json": encode(t, codec.JSON, value)} {
		format, text, hidden := decoded(t, newFence(nil, nil, false), data)
		if strings.Contains(text, "hunter2") || strings.Contains(text, "1234") || hidden != 6 || format != name {
			t.Errorf("%s: %d hidden in %s", format, hidden, text)
		}
		for _, want := range []string{`"name":"anna"`, `"shipping":"post"`, `"password_set":true`, `"token":null`, `"password":{"$redacted":true}`, `"mail":"a@b"`} {
			if !strings.Contains(text, want) {
				t.Errorf("%s: no %s in %s", name, want, text)
			}
		}
		if _, text, hidden := decoded(t, newFence([]string{"MAIL"}, []string{"pass-word"}, false), data); strings.Contains(text, "a@b") || !strings.Contains(text, `"password":"hunter2"`) ||
			hidden != 6 {
			t.Errorf("%s with --redact and --show: %d hidden in %s", name, hidden, text)
		}
		if _, text, hidden := decoded(t, newFence([]string{"mail"}, nil, true), data); hidden != 0 || strings.Contains(text, "redacted") {
			t.Errorf("%s with --reveal: %d hidden in %s", name, hidden, text)
		}
	}
	for _, name := range []string{"PASSWORD", "passwd", "client_secret", "csrfToken", "api_key", "API-Key", "Authorization", "cookies", "card", "CVV", "my otp", "userSID", "XPin",
		"signingkey", "client_key", "aesKey", "KEY", "key_2", "api.keys", "passcode", "db_pw", "dbpw", "userpass", "mnemonic", "wallet-seed", "recovery_codes", "backupCodes", "creds"} {
		if !newFence(nil, nil, false).hides(name) {
			t.Errorf("%q is shown", name)
		}
	}
	for _, name := range []string{"", "name", "cart", "shipping", "pinned", "authors", "visits", "macbook", "residence", "keyboard", "passenger", "seedling", "author"} {
		if newFence(nil, nil, false).hides(name) {
			t.Errorf("%q is hidden", name)
		}
	}
}

// TestDecodeRedactsWithin: what stands in a text that is JSON, in one that is so twice, and under the name beside it.
func TestDecodeRedactsWithin(t *testing.T) {
	inner := `{"password":"hunter2","n":1}`
	twice, _ := json.Marshal(inner)
	for _, test := range []struct {
		value any
		want  string
	}{
		{inner, `{"$json":{"password":{"$redacted":true},"n":1}}`},
		{" \n" + inner, `{"$json":{"password":{"$redacted":true},"n":1}}`},
		{string(twice), `{"$json":{"$json":{"password":{"$redacted":true},"n":1}}}`},
		{"J" + inner, `{"$json":{"password":{"$redacted":true},"n":1}}`},
		{"C\x04mine" + inner, `{"$json":{"password":{"$redacted":true},"n":1}}`},
		{`"quoted"`, `"\"quoted\""`},
		{map[string]any{"api": map[string]any{"key": "hunter2", "n": 1}}, `{"api":{"key":{"$redacted":true},"n":1}}`},
		{[]any{map[string]any{"name": "password", "value": "hunter2"}}, `[{"name":"password","value":{"$redacted":true}}]`},
		{[]any{map[string]any{"Name": "X-Api-Key", "Value": []any{"hunter2"}, "x": 1}}, `[{"Name":"X-Api-Key","Value":{"$redacted":true},"x":1}]`},
		{[]any{map[string]any{"name": "theme", "value": "dark"}}, `[{"name":"theme","value":"dark"}]`},
		{map[string]any{"name": "token", "value": true}, `{"name":"token","value":true}`},
	} {
		for name, c := range map[string]codec.Codec{"json": codec.JSON, "msgpack": codec.MsgPack} {
			_, text, hidden := decoded(t, newFence(nil, nil, false), encode(t, c, map[string]any{"f": test.value}))
			if want := `{"f":` + test.want + `}`; text != want || hidden != strings.Count(want, "redacted") {
				t.Errorf("%s: %d hidden in %s, want %s", name, hidden, text, want)
			}
		}
	}
	// The name comes last, there are two values, and one of them hides something already.
	data := `[{"value":{"pin":"hunter2"},"v":"hunter2","n":0,"name":"otp"},5]`
	if _, text, hidden := decoded(t, newFence(nil, nil, false), []byte(data)); hidden != 2 ||
		text != `[{"value":{"$redacted":true},"v":{"$redacted":true},"n":0,"name":"otp"},5]` {
		t.Errorf("%d hidden in %s", hidden, text)
	}
	if _, text, hidden := decoded(t, newFence(nil, []string{"otp"}, false), []byte(data)); hidden != 1 || !strings.Contains(text, `"v":"hunter2"`) {
		t.Errorf("with --show: %d hidden in %s", hidden, text)
	}
	if _, text, hidden := decoded(t, newFence(nil, nil, false), encode(t, codec.MsgPack, map[any]any{int64(1): 2, "name": "otp", "value": "hunter2"})); hidden != 1 || strings.Contains(text, "hunter2") {
		t.Errorf("%d hidden in %s", hidden, text)
	}
}

// TestDecodeHostile: whatever a value announces, it is shown in bounded memory and time, or as bytes.
func TestDecodeHostile(t *testing.T) {
	deep := strings.Repeat("[", 5000) + strings.Repeat("]", 5000)
	wrapped := "1"
	for range 8 { // each level doubles the escapes
		quoted, _ := json.Marshal([]string{wrapped})
		wrapped = string(quoted)
	}
	for name, data := range map[string]string{
		"deep json": deep, "deeper json": strings.Repeat(deep, 1)[:5000], "too deep": strings.Repeat("[", 20000) + strings.Repeat("]", 20000),
		"deep members": strings.Repeat(`{"a":`, 300) + `{"password":"hunter2"}` + strings.Repeat("}", 300), "wrapped": wrapped,
		"huge array": "\xdd\xff\xff\xff\xff", "huge map": "\xdf\xff\xff\xff\xff\x01",
		"huge string": "\xdb\xff\xff\xff\xffx", "deep msgpack": strings.Repeat("\x91", 9000) + "\x01",
		"tagged": "M\xdd\xff\xff\xff\xff", "extension": "\xc7\x04\x05abcd",
		"name of a codec": "C\xffx", "cut record": "LS\x01S", "odd record": "LS\x01X" + strings.Repeat("x", 60), "cut": "LS\x01",
	} {
		_, text, _ := decoded(t, newFence(nil, nil, false), []byte(data))
		if len(text) > 4*len(data)+100 || strings.Contains(text, "hunter2") {
			t.Errorf("%s: %d bytes are shown in %d: %.200s", name, len(data), len(text), text)
		}
	}
}

func TestGetDecode(t *testing.T) {
	s := keep{store.NewMap(&store.MapOptions{Expiry: store.Expiry{TouchAfter: -1}})}
	if err := s.Set(t.Context(), "key", []byte("J{\"a\":\"\u009b2J\",\"secret\":1}")); err != nil {
		t.Fatal(err)
	}
	before, _ := s.Peek(t.Context(), "key")
	code, stdout, stderr := run(t, t.Context(), s, "get", "--decode", "key")
	if want := "{\n  \"a\": \"\\u009b2J\",\n  \"secret\": {\n    \"$redacted\": true\n  }\n}\n"; code != exitDone || stdout != want ||
		!strings.Contains(stderr, "tagged json, 24 B; 1 value is hidden") {
		t.Errorf("%d, %q, %q", code, stdout, stderr)
	}
	if _, stdout, stderr = run(t, t.Context(), s, "get", "--decode", "--json", "key"); stderr != "" ||
		!strings.Contains(stdout, `"format":"tagged json","decoded":{"a":"\u009b2J","secret":{"$redacted":true}},"redacted":1,"size":24,`) {
		t.Errorf("%q, %q", stdout, stderr)
	}
	if after, _ := s.Peek(t.Context(), "key"); !after.Atime.Equal(before.Atime) {
		t.Error("--decode is a use")
	}
	for _, flag := range []string{"--reveal", "--show=a", "--redact=a"} {
		if code, _, stderr := run(t, t.Context(), s, "get", flag, "key"); code != exitUsage || !strings.Contains(stderr, "is for --decode") {
			t.Errorf("%s alone: %d, %q", flag, code, stderr)
		}
	}
	p := plain{s.Map}
	if code, stdout, stderr := run(t, t.Context(), p, "get", "--decode", "key"); code != exitDone || !strings.Contains(stdout, `"a"`) || !strings.Contains(stderr, "the entry counts as used now") {
		t.Errorf("a store that cannot Peek: %d, %q, %q", code, stdout, stderr)
	}
	if code, _, stderr := run(t, t.Context(), p, "get", "--decode", "--peek", "key"); code != exitUsage || !strings.Contains(stderr, "leave --peek out") {
		t.Errorf("--peek where there is none: %d, %q", code, stderr)
	}
	if code, stdout, _ := run(t, t.Context(), s, "get", "--decode", "--reveal", "key"); code != exitDone || !strings.Contains(stdout, `"secret": 1`) {
		t.Errorf("--reveal: %d, %q", code, stdout)
	}
	// The key that signs is shown by no flag, damaged or not.
	for _, key := range []string{"LS\x01K" + strings.Repeat("MACKEYMACKEY", 3)[:32], "LS\x01KMACKEY", "LS\x01K{\"MACKEY\":1}"} {
		s.Set(t.Context(), "session:key", []byte(key))
		for _, flags := range [][]string{{"--reveal"}, {"--json", "--reveal"}, {"--show=key,mackey"}} {
			code, stdout, stderr := run(t, t.Context(), s, append([]string{"get", "--decode", "session:key"}, flags...)...)
			if code != exitDone || strings.Contains(stdout, "MACKEY") || strings.Contains(stdout, "TUFDS0VZ") ||
				!strings.Contains(stdout+stderr, "session key") || !strings.Contains(stdout, "redacted") {
				t.Errorf("%q: %d, %q, %q", flags, code, stdout, stderr)
			}
		}
	}
}

// TestDecodeSessions: what the sessions of a program look like, and that nothing in it lets anybody in.
func TestDecodeSessions(t *testing.T) {
	s := keep{store.NewMap(nil)}
	tokens := enter(t, s, true)
	seen := make(map[string]int)
	for key := range strings.FieldsSeq(keysOf(t, s)) {
		code, stdout, stderr := run(t, t.Context(), s, "get", "--decode", "--json", "--reveal", key)
		var got decodeResult
		if err := json.Unmarshal([]byte(stdout), &got); err != nil || code != exitDone {
			t.Fatalf("%d, %v, %q, %q", code, err, stdout, stderr)
		}
		seen[got.Format]++
		for _, token := range tokens {
			if id, _, _ := strings.Cut(token, "."); strings.Contains(stdout, id) {
				t.Errorf("it shows an id: %s", stdout)
			}
		}
		for _, want := range map[string][]string{
			"session session": {`"subject":"`, `"fields":{"count":3,"pin":"12\u009b34"}`, `"flashes":["hello"]`,
				`"idle":3600,`, `"remembered":false`, `"created":"20`},
			"session subject": {`"devices":[{"id":"`, `"label":"Lynx\u001b"`, `"last_seen":"20`},
			"session alias":   {`"target":"`, `…(43)"`, `"strict":`}, "session key": {`"decoded":{"$redacted":true},"redacted":1`},
		}[got.Format] {
			if !strings.Contains(stdout, want) {
				t.Errorf("%s: no %s in %s", got.Format, want, stdout)
			}
		}
		if code, stdout, _ = run(t, t.Context(), s, "get", "--decode", key); code != exitDone || strings.Contains(stdout, "9b34") {
			t.Errorf("%d, %s", code, stdout)
		}
	}
	if seen["session session"] != 2 || seen["session subject"] != 2 || seen["session key"] != 1 || seen["session alias"] != 2 {
		t.Errorf("%v", seen)
	}
}

// What is long is printed without indentation, which could be many times as long.
func TestDecodeLong(t *testing.T) {
	s := keep{store.NewMap(nil)}
	value := []byte("[" + strings.Repeat(strings.Repeat("[", 60)+strings.Repeat("]", 60)+",", 10_000) + "0]")
	if err := s.Set(t.Context(), "key", value); err != nil {
		t.Fatal(err)
	}
	if code, stdout, _ := run(t, t.Context(), s, "get", "--decode", "key"); code != exitDone || len(stdout) > len(value)+1 {
		t.Errorf("%d: %d bytes are printed as %d", code, len(value), len(stdout))
	}
}

func FuzzDecode(f *testing.F) {
	for _, seed := range []string{"", "J{\"password\":1}", "M\x81\xa1a\x92\x01\xa1x", "LS\x01S", "LS\x01K0", "C\x04mine[]", `{"a":"[1,2]"}`, "\x81\xa1a\xc4\x02{}"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		v := viewer{fence: newFence(nil, nil, false)}
		format := v.decode(data)
		if format == "" || !json.Valid(v.out.Bytes()) || bytes.Count(v.out.Bytes(), []byte(`{"$redacted":true}`)) < v.hidden {
			t.Errorf("%q: %q, %s", data, format, &v.out)
		}
		if v.out.Len() > 100*len(data)+100 {
			t.Errorf("%d bytes are shown in %d", len(data), v.out.Len())
		}
	})
}

// TestManualNamesDecoded: what --decode and --subject print is a promise, too.
func TestManualNamesDecoded(t *testing.T) {
	_, sections := manual(t)
	for title, results := range map[string][]any{
		"larder get": {decodeResult{}, storedSession{}, storedAlias{}, storedSubject{}}, "larder rm": {signOutResult{}},
	} {
		for _, result := range results {
			for _, name := range fields(reflect.TypeOf(result)) {
				if !strings.Contains(sections[title]+sections["larder get"], "`"+name+"`") {
					t.Errorf("the section on %s does not name the field %q", title, name)
				}
			}
		}
	}
	for _, name := range append(secretParts(), secretWords()...) {
		if !strings.Contains(strings.ReplaceAll(sections["larder get"], "_", ""), name) && !strings.Contains("passwort pwd xsrf sessionid totp hmac", name) {
			t.Errorf("the manual does not say that %q is hidden", name)
		}
	}
}
