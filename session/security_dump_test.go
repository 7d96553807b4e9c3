package session_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/larder-go/larder/session"
	"github.com/larder-go/larder/store"
)

// TestDumpContainsNoUsableID fills each store, reads what lies there past the store's own code, and looks for ids: as they are, in hex
// and in base64 at any alignment. Then it tries as an id whatever 32 bytes there are, and the key of the MAC, which stands there too.
func TestDumpContainsNoUsableID(t *testing.T) {
	for _, b := range dumpStores {
		t.Run(b.name, func(t *testing.T) {
			t.Parallel()
			s, dump := b.open(t)
			m, err := session.New(s, &session.Options{Devices: true, Grace: time.Hour, Logger: slog.New(slog.DiscardHandler)}) // its key is in the store
			if err != nil {
				t.Fatal(err)
			}
			canary := "canary" + rand.Text()
			tokens := []string{marked(t, m, "mark", canary)}
			then := func(token string) string { tokens = append(tokens, token); return token }
			then(renewed(t, m, then(renewed(t, m, tokens[0]))))
			then(renewed(t, m, then(logInAs(t, m, "alice@example.test", then(marked(t, m, "mark", canary))))))
			then(visit(t, m, func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
				check(t, s.SetSubject("bob@example.test"))
				check(t, s.Remember(0))
				check(t, s.Flash(canary))
			}).token)
			ended := then(marked(t, m, "mark", canary))
			destroyed(t, m, ended)
			raw := dump(t)
			if !bytes.Contains(raw, []byte(canary)) || !bytes.Contains(raw, []byte("alice@example.test")) {
				t.Fatalf("the dump of %d bytes does not show what the sessions hold: it is a dump of something else", len(raw))
			}
			hashes := map[[32]byte]bool{}
			for n, token := range tokens {
				id := idOf(t, token)
				hashes[sha256.Sum256(id)] = true
				mac, _ := b64.DecodeString(token[44:])
				for form, text := range spellings(id) {
					if bytes.Contains(raw, text) {
						t.Errorf("the dump has the id of token %d in it: %s", n, form)
					}
				}
				for form, text := range spellings(mac) {
					if bytes.Contains(raw, text) {
						t.Errorf("the dump has the MAC of token %d in it: %s", n, form)
					}
				}
			}
			// Whoever has the dump tries everything in it. That the hash of none of it is the hash of an id is tested without asking the
			// store; for what looks like something, the store is asked too.
			candidates := everySecret(raw)
			for id := range candidates {
				if hashes[sha256.Sum256([]byte(id))] {
					t.Error("something in the dump is an id that works")
				}
			}
			if !candidates[string(idHash(idOf(t, tokens[0])))] {
				t.Error("the hash of an id is not among what was found in the dump: it is looked through badly")
			}
			key, err := store.Load(t.Context(), s, "session:key")
			if err != nil {
				t.Fatal(err)
			}
			for hash := range hashes {
				for _, try := range []string{sign(key.Value[4:], hostCookie, hash[:]), sign(hash[:], hostCookie, hash[:]), b64.EncodeToString(hash[:]),
					b64.EncodeToString(hash[:]) + "." + b64.EncodeToString(key.Value[4:])} {
					if mark, subject, _ := look(t, m, try); mark != "" || subject != "" {
						t.Error("what the dump has opens a session")
					}
				}
			}
			if mark, _, _ := look(t, m, tokens[2]); mark != canary {
				t.Error("the tokens that were looked for do not work themselves")
			}
		})
	}
}

func idHash(id []byte) []byte {
	sum := sha256.Sum256(id)
	return sum[:]
}

// spellings are the ways in which secret may stand somewhere, in pieces of 16 bytes and more.
func spellings(secret []byte) map[string][]byte {
	forms := map[string][]byte{"first half": secret[:16], "second half": secret[16:], "middle": secret[8:24]}
	for name, part := range map[string][]byte{"first half": secret[:16], "second half": secret[16:]} {
		forms["hex "+name] = []byte(hex.EncodeToString(part))
		forms["HEX "+name] = []byte(strings.ToUpper(hex.EncodeToString(part)))
	}
	for name, enc := range map[string]*base64.Encoding{"standard": base64.RawStdEncoding, "url": base64.RawURLEncoding} {
		for shift := range 3 { // what stands in front may be of any length
			whole := (len(secret) - shift) / 3 * 3
			forms[name+" base64, shifted by "+string(rune('0'+shift))] = []byte(enc.EncodeToString(secret[shift : shift+whole]))[:24]
		}
	}
	return forms
}

// everySecret returns all that may be 32 bytes of an id in raw, as it is, in hex or in base64.
func everySecret(raw []byte) map[string]bool {
	found := map[string]bool{}
	zeros := make([]byte, 16)
	for at := 0; at+32 <= len(raw); at++ {
		if window := raw[at : at+32]; !bytes.Contains(window, zeros) { // empty pages
			found[string(window)] = true
		}
		if at+43 <= len(raw) {
			text := strings.NewReplacer("+", "-", "/", "_").Replace(string(raw[at : at+43]))
			if id, err := base64.RawURLEncoding.DecodeString(text); err == nil && len(id) == 32 {
				found[string(id)] = true
			}
		}
		if at+64 <= len(raw) {
			if id, err := hex.DecodeString(string(raw[at : at+64])); err == nil {
				found[string(id)] = true
			}
		}
	}
	return found
}

// TestStoreSeesHashesOnly watches every call: no key and no value of any of them holds an id, whatever the store makes of it.
func TestStoreSeesHashesOnly(t *testing.T) {
	var seen bytes.Buffer
	s := &watched{Map: store.NewMap(nil), seen: &seen}
	m := manage(t, s, session.Options{Devices: true})
	token := marked(t, m, "mark", "here")
	tokens := []string{token, renewed(t, m, token)}
	tokens = append(tokens, logInAs(t, m, "alice", tokens[1]))
	destroyed(t, m, tokens[2])
	for _, token := range tokens {
		for form, text := range spellings(idOf(t, token)) {
			if bytes.Contains(seen.Bytes(), text) {
				t.Errorf("the store gets an id: %s", form)
			}
		}
		if !bytes.Contains(seen.Bytes(), []byte(b64.EncodeToString(idHash(idOf(t, token))))) {
			t.Error("the store never gets the hash of an id: it is watched badly")
		}
	}
}

// watched notes all that its calls bring.
type watched struct {
	*store.Map
	seen io.Writer
}

func (s *watched) Load(ctx context.Context, key string) (*store.Item, error) {
	io.WriteString(s.seen, key+"\n")
	return s.Map.Load(ctx, key)
}

func (s *watched) Swap(ctx context.Context, key string, old store.Version, item *store.Item) (store.Version, error) {
	io.WriteString(s.seen, key+"\n")
	if item != nil {
		s.seen.Write(item.Value)
	}
	return s.Map.Swap(ctx, key, old, item)
}

func (s *watched) Delete(ctx context.Context, key string) error {
	io.WriteString(s.seen, key+"\n")
	return s.Map.Delete(ctx, key)
}
