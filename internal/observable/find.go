package observable

import (
	"bytes"
	"net/netip"
	"slices"
	"strings"
)

// Token is a value that stands whole in a block of log, as Finder found it. Of
// a name, the domains above it come as tokens of their own with Above set.
type Token struct {
	Key   Key
	Start uint32
	Len   uint16
	Class Class
	Above bool
}

// Text gives the bytes of a token.
func (t Token) Text(block []byte) []byte { return block[t.Start : int(t.Start)+int(t.Len)] }

// Value gives the normal form of a token; ok is false when it has none, which
// happens to a name that only looked like one.
func (t Token) Value(block []byte) (v Value, ok bool) {
	s := string(t.Text(block))
	var err error
	switch t.Class {
	case ClassIPv4, ClassIPv6:
		a, e := netip.ParseAddr(undash(s))
		if e != nil {
			return v, false
		}
		if a = a.Unmap(); a.Is4() {
			return Value{IPv4, a.String()}, true
		}
		return Value{IPv6, a.String()}, true
	case ClassDomain:
		v, err = Parse(Domain, s)
	case ClassURL:
		v, err = Parse(URL, strings.ReplaceAll(s, `\/`, "/"))
	case ClassEmail:
		v, err = Parse(Email, s)
	case ClassHash:
		v, err = Parse(hashKinds[len(s)], s)
	default:
		return v, false
	}
	return v, err == nil
}

// undash gives "203.0.113.9" for "203-0-113-9" and "203_0_113_9".
func undash(s string) string {
	if strings.IndexByte(s, ':') >= 0 || strings.IndexByte(s, '.') >= 0 {
		return s
	}
	return strings.NewReplacer("-", ".", "_", ".").Replace(s)
}

// The limits of what is a token.
const (
	maxName  = 253
	maxLocal = 64
	maxURL   = 2048
)

// inName tells the bytes of names and addresses.
var inName = func() (t [256]bool) {
	for c := '0'; c <= '9'; c++ {
		t[c] = true
	}
	for c := 'a'; c <= 'z'; c++ {
		t[c], t[c-32] = true, true
	}
	t['-'], t['_'], t['.'] = true, true, true
	return t
}()

var isHex = func() (t [256]bool) {
	for _, c := range "0123456789abcdefABCDEF" {
		t[c] = true
	}
	return t
}()

// inURL tells the bytes that go on with a URL.
var inURL = func() (t [256]bool) {
	for c := 0x21; c < 0x7f; c++ {
		t[c] = true
	}
	for c := 0x80; c < 0x100; c++ {
		t[c] = true
	}
	for _, c := range "\"'<>\\|^{}`" {
		t[c] = false
	}
	return t
}()

// Finder finds the values in blocks of log: addresses, names with the domains
// above them, URLs, mail addresses, hashes, each only as a whole token. It works
// on bytes and hops from dot to dot and from colon to colon; a block should end
// with a line. It holds no state and may be used by many goroutines.
//
// What it does not see: names written in characters beyond ASCII, values in
// base64 or UTF-16, and addresses whose dots are dashes unless they are the first
// label of a name.
type Finder struct{ Seed Seed }

// Find adds the tokens of a block to out.
func (f Finder) Find(b []byte, out []Token) []Token {
	out = f.dots(b, out)
	out = f.colons(b, out)
	return f.hashes(b, out)
}

// dots finds what has a dot: IPv4 addresses, names, and the URL or mail address
// around a name.
func (f Finder) dots(b []byte, out []Token) []Token {
	for i := 0; i < len(b); {
		d := bytes.IndexByte(b[i:], '.')
		if d < 0 {
			break
		}
		d += i
		start := d
		for start > i && inName[b[start-1]] {
			start--
		}
		end, dots, letters := d+1, 1, false
		for end < len(b) && inName[b[end]] {
			if b[end] == '.' {
				dots++
			}
			end++
		}
		i = end
		for start < end && (b[start] == '.' || b[start] == '-') {
			if b[start] == '.' {
				dots--
			}
			start++
		}
		for end > start && (b[end-1] == '.' || b[end-1] == '-') {
			if b[end-1] == '.' {
				dots--
			}
			end--
		}
		if end-start < 4 || dots < 1 {
			continue
		}
		last := b[end-1]
		letters = last|0x20 >= 'a' && last|0x20 <= 'z'
		if !letters {
			if dots == 3 && end-start <= 15 {
				if a, ok := ipv4(b[start:end]); ok {
					out = append(out, Token{Key: f.Seed.ipv4(a), Start: uint32(start), Len: uint16(end - start), Class: ClassIPv4})
					out = f.around(b, start, end, out)
				}
			}
			continue
		}
		if end-start <= maxName {
			n := len(out)
			if out = f.name(b, start, end, out); len(out) > n {
				out = f.around(b, start, end, out)
			}
		}
	}
	return out
}

// ipv4 reads four numbers up to 255, of one to three digits each.
func ipv4(b []byte) (a uint32, ok bool) {
	n, digits, parts := 0, 0, 0
	for i := 0; ; i++ {
		if i == len(b) || b[i] == '.' {
			if digits == 0 || n > 255 {
				return 0, false
			}
			a, parts = a<<8|uint32(n), parts+1
			if i == len(b) {
				return a, parts == 4
			}
			n, digits = 0, 0
			continue
		}
		c := b[i] - '0'
		if c > 9 || digits == 3 || digits > 0 && n == 0 {
			return 0, false
		}
		n, digits = n*10+int(c), digits+1
	}
}

// name adds a name and every domain above it of two labels or more.
func (f Finder) name(b []byte, start, end int, out []Token) []Token {
	h, right, labels, n := f.Seed.start(ClassDomain), end, 0, len(out)
	for i := end - 1; i >= start-1; i-- {
		if i >= start && b[i] != '.' {
			continue
		}
		size := right - i - 1
		if size == 0 || size > 63 || labels == 0 && (size < 2 || size > 24) {
			return out[:n]
		}
		h = f.Seed.label(h, b, i+1, right)
		if labels++; labels >= 2 {
			out = append(out, Token{Key: Key(h), Start: uint32(i + 1), Len: uint16(end - i - 1), Class: ClassDomain, Above: i >= start})
		}
		right = i
	}
	if labels < 2 {
		return out[:n]
	}
	return f.dashed(b, start, end, out)
}

// dashed adds the address that the first label of a name spells with dashes:
// ip-203-0-113-9.cloud.example.
func (f Finder) dashed(b []byte, start, end int, out []Token) []Token {
	label := b[start:end]
	label = label[:bytes.IndexByte(label, '.')]
	if len(label) < 7 || label[len(label)-1] < '0' || label[len(label)-1] > '9' {
		return out
	}
	i := 0
	for i < len(label) && (label[i] < '0' || label[i] > '9') {
		i++
	}
	if i > 0 && label[i-1] != '-' && label[i-1] != '_' && i != 2 {
		return out
	}
	var dotted [15]byte
	spelt := label[i:]
	if len(spelt) > 15 {
		return out
	}
	for k, c := range spelt {
		if c == '-' || c == '_' {
			c = '.'
		}
		dotted[k] = c
	}
	a, ok := ipv4(dotted[:len(spelt)])
	if !ok {
		return out
	}
	return append(out, Token{Key: f.Seed.ipv4(a), Start: uint32(start + i), Len: uint16(len(spelt)), Class: ClassIPv4})
}

// around adds the URL whose host stands at b[start:end], or the mail address of
// that domain.
func (f Finder) around(b []byte, start, end int, out []Token) []Token {
	if start < 2 {
		return out
	}
	switch b[start-1] {
	case '/':
		return f.url(b, start, end, out)
	case '@':
		from := start - 1
		for from > 0 && start-1-from < maxLocal && (inName[b[from-1]] || b[from-1] == '+' || b[from-1] == '=') {
			from--
		}
		if from > 0 && start-1-from == maxLocal && inName[b[from-1]] {
			return out // longer than a local part can be
		}
		if from == start-1 {
			return out
		}
		if at := from; at > 0 && (b[at-1] == '/' || b[at-1] == ':') { // user:password@host in a URL
			for at > 0 && start-at < maxLocal && inURL[b[at-1]] && b[at-1] != '/' {
				at--
			}
			if at >= 3 && b[at-1] == '/' && b[at-2] == '/' && b[at-3] == ':' {
				return f.url(b, at, end, out)
			}
		}
		v, err := Parse(Email, string(b[from:end]))
		if err != nil {
			return out
		}
		return append(out, Token{Key: f.Seed.email([]byte(v.Value)), Start: uint32(from), Len: uint16(end - from), Class: ClassEmail})
	}
	return out
}

// url adds the URL whose host (or user) begins at start, when :// stands before
// it; JSON may have escaped its slashes.
func (f Finder) url(b []byte, start, end int, out []Token) []Token {
	s := start
	escaped := false
	switch {
	case s >= 3 && b[s-2] == '/' && b[s-3] == ':':
		s -= 3
	case s >= 5 && b[s-2] == '\\' && b[s-3] == '/' && b[s-4] == '\\' && b[s-5] == ':':
		s -= 5
		escaped = true
	default:
		return out
	}
	from := s
	for from > 0 && s-from < 5 && b[from-1]|0x20 >= 'a' && b[from-1]|0x20 <= 'z' {
		from--
	}
	if s-from < 3 {
		return out
	}
	for end < len(b) && end-from < maxURL && (inURL[b[end]] || escaped && b[end] == '\\' && end+1 < len(b) && b[end+1] == '/') {
		end++
	}
	// A sentence goes on behind a URL: its punctuation is not part of it.
	for end > start && strings.IndexByte(".,;:!?)]", b[end-1]) >= 0 {
		end--
	}
	text := b[from:end]
	if escaped {
		text = bytes.ReplaceAll(text, []byte(`\/`), []byte("/"))
	}
	k, ok := f.Seed.urlKey(text)
	if !ok {
		return out
	}
	return append(out, Token{Key: k, Start: uint32(from), Len: uint16(end - from), Class: ClassURL})
}

// urlKey gives the key of a URL as it stands in a log. Most are in normal form
// already; the others are brought to it first.
func (s Seed) urlKey(text []byte) (Key, bool) {
	if plainURL(text) {
		return s.url(text), true
	}
	v, err := Parse(URL, string(text))
	if err != nil {
		return 0, false
	}
	return s.url([]byte(v.Value)), true
}

// plainURL reports whether a URL is sure to be in normal form: lower-case scheme
// and host, no port, no user, a path, and only bytes that need no escape.
func plainURL(b []byte) bool {
	rest, ok := bytes.CutPrefix(b, []byte("http"))
	if !ok {
		return false
	}
	rest = bytes.TrimPrefix(rest, []byte("s"))
	if rest, ok = bytes.CutPrefix(rest, []byte("://")); !ok {
		return false
	}
	i := 0
	for ; i < len(rest) && rest[i] != '/'; i++ {
		if c := rest[i]; c != '.' && c != '-' && (c < '0' || c > '9') && (c < 'a' || c > 'z') {
			return false
		}
	}
	if i == 0 || i == len(rest) {
		return false
	}
	for _, c := range rest[i:] {
		if !plainPath[c] {
			return false
		}
	}
	return true
}

var plainPath = func() (t [256]bool) {
	for c := 0; c < 128; c++ {
		t[c] = c == '/' || c == '.' || c == '-' || c == '_' || c == '~' || c == '=' || c == '&' || c == '?' ||
			c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z'
	}
	return t
}()

// colons finds IPv6 addresses.
func (f Finder) colons(b []byte, out []Token) []Token {
	for i := 0; i < len(b); {
		d := bytes.IndexByte(b[i:], ':')
		if d < 0 {
			break
		}
		d += i
		i = d + 1
		if i >= len(b) || b[i] != ':' && !isHex[b[i]] || d > 0 && b[i] != ':' && !isHex[b[d-1]] {
			continue
		}
		start, end := d, d
		for start > 0 && d-start < 46 && (isHex[b[start-1]] || b[start-1] == ':') {
			start--
		}
		colons := 0
		for end < len(b) && end-start < 46 && (isHex[b[end]] || b[end] == ':' || b[end] == '.' && colons > 1) {
			if b[end] == ':' {
				colons++
			}
			end++
		}
		i = max(end, i)
		if colons < 2 || colons < 7 && !bytes.Contains(b[start:end], []byte("::")) {
			continue
		}
		next := end
		for next < len(b) && (b[next] == '.' || b[next] == '-') {
			next++
		}
		if start > 0 && (inName[b[start-1]] || b[start-1] == ':') || next < len(b) && inName[b[next]] {
			continue
		}
		for end > start && b[end-1] == '.' {
			end--
		}
		text := b[start:end]
		a, err := netip.ParseAddr(string(text))
		if err != nil { // an address and the colon behind it
			text = bytes.TrimSuffix(text, []byte(":"))
			if a, err = netip.ParseAddr(string(text)); err != nil {
				continue
			}
		}
		t := Token{Start: uint32(start), Len: uint16(len(text)), Class: ClassIPv6}
		if a = a.Unmap(); a.Is4() {
			q := a.As4()
			t.Key = f.Seed.ipv4(uint32(q[0])<<24 | uint32(q[1])<<16 | uint32(q[2])<<8 | uint32(q[3]))
		} else {
			t.Key = f.Seed.ipv6(a.As16())
		}
		out = append(out, t)
	}
	return out
}

var hashSizes = []int{32, 40, 64, 128}

// hashes finds runs of exactly 32, 40, 64 or 128 hexadecimal digits. The
// shortest is 32 long, so that looking at every 32nd byte misses none.
func (f Finder) hashes(b []byte, out []Token) []Token {
	for i := 31; i < len(b); i += 32 {
		if !isHex[b[i]] {
			continue
		}
		start := i
		for start > 0 && i-start <= 128 && isHex[b[start-1]] {
			start--
		}
		end := i + 1
		for end < len(b) && end-start <= 129 && isHex[b[end]] {
			end++
		}
		if end-start < 32 {
			continue
		}
		whole := slices.Contains(hashSizes, end-start) && (start == 0 || !inName[b[start-1]]) && (end == len(b) || !inName[b[end]] || b[end] == '.' && (end+1 == len(b) || !inName[b[end+1]]))
		if whole {
			out = append(out, Token{Key: f.Seed.hash(b, start, end), Start: uint32(start), Len: uint16(end - start), Class: ClassHash})
		}
		for i+32 < end {
			i += 32 // the rest of this run was looked at
		}
	}
	return out
}

// Addr gives the address that a token of class IPv4 or IPv6 writes.
func (t Token) Addr(block []byte) (netip.Addr, bool) {
	if t.Class == ClassIPv4 {
		var dotted [15]byte
		b := t.Text(block)
		if len(b) > len(dotted) {
			return netip.Addr{}, false
		}
		for i, c := range b {
			if c == '-' || c == '_' {
				c = '.'
			}
			dotted[i] = c
		}
		a, ok := ipv4(dotted[:len(b)])
		return netip.AddrFrom4([4]byte{byte(a >> 24), byte(a >> 16), byte(a >> 8), byte(a)}), ok
	}
	a, err := netip.ParseAddr(string(t.Text(block)))
	return a.Unmap(), err == nil
}
