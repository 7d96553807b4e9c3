package cases

import "strings"

// A hostile key is one that some store, somewhere, has taken for another key, for a path, or for a command.
type hostile struct {
	class string
	key   string
	valid bool
}

// hostileKeys are all distinct. Those longer than a store's own limit are not valid on it, see Env.valid.
func hostileKeys() []hostile {
	rep := strings.Repeat
	classes := []struct {
		class string
		valid bool
		keys  []string
	}{
		{"empty", false, []string{""}},
		{"NUL", false, []string{"\x00", "a\x00", "\x00a", "a\x00b", "a/b\x00.txt", rep("\x00", 32), "é\x00", "../\x00"}},
		{"invalid UTF-8", false, []string{"\xff", "\xfe\xff", "a\x80", "\xc3", "\xc3(", "é\xcc", "\xc0\xaf", "\xc1\xbf", "\xe0\x80\xaf",
			"\xed\xa0\x80", "\xed\xb0\x80", "\xed\xa0\xbd\xed\xb8\x80", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xf8\x88\x80\x80\x80",
			"\xfc\x84\x80\x80\x80\x80", "a\xffb", "..\xff/", "\xe2\x82", "\xf0\x9f\x98", "caf\xe9", "\x80\x01"}},
		{"too long", false, []string{rep("k", 1025), rep("k", 1026), rep("é", 513), rep("k", 4096), rep("a/", 600), rep("k", 65536), "x" + rep("é", 512)}},
		{"length", true, []string{"k", "kk", "kkk", rep("k", 63), rep("k", 64), rep("k", 65), rep("k", 100), rep("k", 127), rep("k", 128), rep("k", 129),
			rep("k", 200), rep("k", 239), rep("k", 240), rep("k", 245), rep("k", 249), rep("k", 250), rep("k", 251), rep("k", 254), rep("k", 255), rep("k", 256),
			rep("k", 257), rep("k", 511), rep("k", 512), rep("k", 513), rep("k", 767), rep("k", 768), rep("k", 1000), rep("k", 1022), rep("k", 1023), rep("k", 1024),
			rep("é", 125), rep("é", 128), rep("é", 512), rep("😀", 256), rep("k", 1023) + "l", rep("k", 1000) + rep("l", 24), rep("k", 250) + "l", rep("k", 255) + "l"}},
		{"traversal", true, []string{".", "..", "...", "....", "../", "../a", "../../a", "a/..", "a/../b", "./a", "a/.", "a/./b", "../../../../../../etc/passwd",
			"..\\a", "..\\..\\a", "a\\..\\b", "....//a", "..;/a", "/..", "/../a", "a/../../b", "..a", "a..", "a..b", ".../a"}},
		{"path", true, []string{"a", "b", "c", "a/b", "c/b", "b/c", "a/b/c", "a//b", "a///b", "a/b/", "a/", "/a", "//a", "///", "/", "//", "/etc/passwd", "/dev/null", "~", "~/a",
			"~root", "esc/", "file:///etc/passwd", "a\\b", "\\", "\\\\", "a\\", "\\a", "-", "--", "-rf", "--help", "-"}},
		{"Windows path", true, []string{"C:", "C:\\", "C:\\a", "C:a", "C:/a", "c:a", "\\\\server\\share", "\\\\?\\C:\\a", "\\\\.\\pipe\\a", "//server/share", "a:b", "a:stream", "a::$DATA"}},
		{"reserved name", true, []string{"CON", "con", "PRN", "AUX", "NUL", "nul", "COM1", "com9", "LPT1", "CON.txt", "nul.txt", "aux.", "COM¹", "CONIN$", "CLOCK$"}},
		{"dot file", true, []string{".a", ".git", ".git/config", ".htaccess", ".DS_Store", ".nfs0001", "._a", ".lock", ".tmp", "..tmp"}},
		{"store's own", true, []string{"a.tmp", "a.temp", "a.lock", "a.attrs", "a.bak", "a~", "#a#", "tmp", "temp", "lock", "LOCK", "tmp-1", ".tmp-a", "a.tmp.1234", "key.MainThread",
			"larder-store", "larder_entries", "meta", "__meta__", "index", "atime", "expires", "version", "entries", "larder:", "larder", "larder/", "sha256:", "sha256-",
			"s:2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae", "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae",
			"2C26B46B68FFC68FF99B453C1D30413413422D706483BFA0F98A5E886266E7AE", "ab/2c26b46b", "h:", "0", "00", "1", "01", "-1"}},
		{"escape look-alike", true, []string{"a%2fb", "a%2Fb", "%2f", "%2F", "%", "%%", "%25", "%252f", "%00", "a%00b", "%2e%2e", "a+b", "a b", "a%20b", "__0x2f__", "a__0x2f__b",
			"&#47;", "&amp;", "\\x2f", "\\u002f", "=2F", "=", "_2f", "_", "__", "$2f", "a_b", "a-b", "u002f", "YQ==", "YQ", "612f62", "xn--a-ecp.ru", "\\0", "\\n"}},
		{"case", true, []string{"Key", "key", "KEY", "kEY", "ÄRGER", "ärger", "Ärger", "ı", "i", "I", "İ", "ß", "ss", "SS", "ẞ", "ſ", "s", "S", "Σ", "σ", "ς", "K", "Å", "Dž", "dž", "DŽ"}},
		{"normal form", true, []string{"é", "e\u0301", "ñ", "n\u0303", "\u212b", "A\u030a", "ﬁ", "fi", "①", "²", "2", "ａ", "가", "\u1100\u1161", "\u1e9b\u0323", "\u017f\u0323\u0307", "ö", "o\u0308",
			"q\u0307\u0323", "q\u0323\u0307", "\u2126", "Ω"}},
		{"homoglyph", true, []string{"аdmin", "admin", "аdmіn", "ΑΒ", "AB", "АВ", "l", "1l", "l1", "O0", "0O", "раураl", "paypal"}},
		{"space", true, []string{" ", "  ", "\t", "key ", "key  ", " key", "key\t", "k ey", "k  ey", "key\u00a0", "\u00a0key", "key\u2003", "\u3000", "\u200b", "key\u200b", "\ufeffkey", "\ufeff",
			"key\u200d", "key\u2060", "\u00ad", "ke\u00ady", "key.", "key..", "key. ", "key .", "\u2028", "\u2029", "\u0085"}},
		{"line end", true, []string{"\n", "\r", "\r\n", "key\n", "key\r", "key\r\n", "\nkey", "\r\nkey", "k\ney", "k\r\ney", "key\n\n", "key\v", "key\f"}},
		{"control", true, []string{"\x01", "\x02", "\x07", "\x08", "\x1b", "\x1b[2J", "\x1b]0;a\x07", "\x1f", "\x7f", "key\x7f", "\u0080", "\u009f", "\u202e", "a\u202eb", "\u2066", "\ufffd", "\ufffe", "\uffff",
			"\ufdd0", "\U0010ffff", "\U0001f600", "\U000e0001", "\ue000"}},
		{"memcached", true, []string{"flush_all", "flush_all\r\n", "get a", "a\r\nset b 0 0 1\r\nx", "a 0 0 1", "a b c", "noreply", "a noreply"}},
		{"Redis", true, []string{"{a}", "{a}b", "{a}c", "{}", "{}a", "{", "}", "a{b}c", "*", "a*", "[a]", "a[b-c]", "?", "h?llo", "*1\r\n$8\r\nFLUSHALL\r\n", "$-1\r\n", "KEYS[1]", "redis.call('FLUSHALL')"}},
		{"SQL", true, []string{"'", "''", "a'b", "a''b", "\"", "\"\"", "`", ";", "--", "'; DROP TABLE larder_entries; --", "' OR '1'='1", "a%", "a_", "%a", "_a", "\\'", "$1", "?1", ":a", "$$", "/* */", "E'\\x00'",
			"\\x61", "\\141", "NULL", "null", "(a)", "a,b", "{a,b}"}},
		{"shell", true, []string{"$(id)", "`id`", "$HOME", "${HOME}", "%PATH%", "a|b", "a&b", "a;b", "a>b", "<a>", "!", "!!", "a\\ b", "#", "#a", "@", "a@b", "^", "a:b:c", ":", "::"}},
		{"glob", true, []string{"**", "**/a", "[", "]", "[!a]", "[^a]", "a?", "{a}*", "\\*", "\\?"}},
		{"program", true, []string{"true", "false", "nil", "undefined", "NaN", "Infinity", "{{.}}", "{{7*7}}", "${7*7}", "%s", "%n", "%d%d", "__proto__", "constructor", "toString", "<script>", "<!--", "[object Object]"}},
		{"split", true, []string{"ab", "abc", "bc", "a:", "b:c", "ab:c", "a:bc", "a/bc", "ab/c", "a|bc", "ab|c", "a\x1fb", "a\x1f", "a.b", "a.bc", "ab.c", "a,", ",a", ",", "a\u2044b"}},
	}
	var keys []hostile
	seen := map[string]bool{}
	for _, c := range classes {
		for _, key := range c.keys {
			if !seen[key] {
				seen[key] = true
				keys = append(keys, hostile{c.class, key, c.valid})
			}
		}
	}
	return keys
}

// valid tells whether the store under test must take h.
func (e *Env) valid(h hostile) bool { return h.valid && len(h.key) <= e.MaxKey }
