package cli

import (
	"slices"
	"strings"
	"unicode"
)

// fence says under which names stands what is not to be shown: what an operator looks at is seen over his shoulder, pasted into
// tickets and kept by shells. Names are compared without case, and without what separates words.
type fence struct {
	off        bool     // --reveal
	hide, show []string // --redact, --show, as folded makes them
}

func newFence(redact, show []string, reveal bool) *fence {
	f := &fence{off: reveal}
	for _, name := range redact {
		f.hide = append(f.hide, folded(name))
	}
	for _, name := range show {
		f.show = append(f.show, folded(name))
	}
	return f
}

// secretParts are enough anywhere in a name to hide it, and secretWords as a whole word of one or at its end, also in the plural: "pin" must hide
// "card_pin" and "userpin", and not "shipping". They hide too much rather than too little.
func secretParts() []string {
	return []string{
		"password", "passwd", "passphrase", "passcode", "passwort", "pwd", "secret", "token", "csrf", "xsrf", "apikey", "accesskey", "privatekey",
		"authorization", "credential", "cookie", "card", "sessionid", "bearer", "verifier", "mnemonic", "recoverycode", "recoveryphrase", "backupcode",
	}
}

func secretWords() []string {
	return []string{
		"key", "pass", "pw", "auth", "cred", "pin", "otp", "totp", "seed", "cvv", "cvc", "ssn", "iban", "jwt", "sid", "mac", "hmac", "signature", "salt",
	}
}

// hides reports whether the value under that name is hidden.
func (f *fence) hides(name string) bool {
	if f.off || name == "" {
		return false
	}
	whole := folded(name)
	for _, shown := range f.show {
		if whole == shown {
			return false
		}
	}
	for _, list := range [][]string{f.hide, secretParts()} {
		for _, part := range list {
			if part != "" && strings.Contains(whole, part) {
				return true
			}
		}
	}
	words, end := wordsOf(name), strings.TrimRight(whole, "0123456789")
	for _, secret := range secretWords() {
		if strings.HasSuffix(end, secret) || strings.HasSuffix(end, secret+"s") || slices.Contains(words, secret) || slices.Contains(words, secret+"s") {
			return true
		}
	}
	return false
}

// folded leaves letters and digits, in lower case: "API-Key" and "api_key" are one name.
func folded(name string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, name)
}

// wordsOf takes a name apart at what is no letter, and where a capital begins a word: "userPIN2" is user, pin.
func wordsOf(name string) (words []string) {
	var word []rune
	end := func() {
		if len(word) > 0 {
			words = append(words, strings.ToLower(string(word)))
			word = nil
		}
	}
	runes := []rune(name)
	for i, r := range runes {
		switch {
		case !unicode.IsLetter(r):
			end()
			continue
		case unicode.IsUpper(r) && i > 0 && (unicode.IsLower(runes[i-1]) || i+1 < len(runes) && unicode.IsLower(runes[i+1])):
			end()
		}
		word = append(word, r)
	}
	end()
	return words
}
