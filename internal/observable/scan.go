package observable

import (
	"bytes"
	"net/netip"
	"strings"
)

// maxToken is the longest run of bytes looked at as one value.
const maxToken = 2048

// tokenByte tells the bytes of which addresses, names, hashes and mail addresses
// are made.
var tokenByte = func() (t [256]bool) {
	for c := '0'; c <= '9'; c++ {
		t[c] = true
	}
	for c := 'a'; c <= 'z'; c++ {
		t[c], t[c-32] = true, true
	}
	for _, c := range "-_.:@+" {
		t[c] = true
	}
	return t
}()

// Each calls f with every value that stands as a whole token in the line, in
// normal form; the same value may come twice. A name inside a URL or a mail
// address comes by itself as well.
func Each(line []byte, f func(Value)) {
	for i := 0; i < len(line); {
		if !tokenByte[line[i]] {
			i++
			continue
		}
		j := i
		for j < len(line) && tokenByte[line[j]] {
			j++
		}
		if end := urlEnd(line, i, j); end > j {
			if v, err := Parse(URL, string(line[i:end])); err == nil {
				f(v)
			}
		}
		if j-i <= maxToken {
			token(string(line[i:j]), f)
		}
		i = j
	}
}

// urlEnd gives where a URL ends whose scheme and colon are line[i:j], or 0.
func urlEnd(line []byte, i, j int) int {
	if j-i < 4 || line[j-1] != ':' || !bytes.HasPrefix(line[j:], []byte("//")) {
		return 0
	}
	end := j
	for end < len(line) && end-i < maxToken && line[end] > ' ' && !strings.ContainsRune("\"'<>\\|^{}`", rune(line[end])) {
		end++
	}
	return end
}

// token looks at one run of token bytes.
func token(s string, f func(Value)) {
	s = strings.Trim(s, ".-:@+_")
	if len(s) < 4 {
		if s == "" {
			return
		}
	}
	if addr(s, f) || hash(s, f) {
		return
	}
	if at := strings.LastIndexByte(s, '@'); at > 0 {
		if v, err := Parse(Email, s); err == nil {
			f(v)
		}
		s = s[at+1:]
	}
	for _, part := range strings.Split(s, ":") {
		part = strings.Trim(part, ".-_+")
		if addr(part, f) || hash(part, f) {
			continue
		}
		if strings.IndexByte(part, '.') > 0 {
			if v, err := Parse(Domain, part); err == nil {
				f(v)
			}
			continue
		}
	}
	// ip-203-0-113-9 and 203_0_113_9: addresses whose dots were replaced.
	if strings.Count(s, "-") >= 3 || strings.Count(s, "_") >= 3 {
		joined(s, f)
	}
}

func addr(s string, f func(Value)) bool {
	if strings.IndexByte(s, '.') < 0 && strings.Count(s, ":") < 2 {
		return false
	}
	if a, err := netip.ParseAddr(s); err == nil && a.Zone() == "" {
		emit(a, f)
		return true
	}
	if ap, err := netip.ParseAddrPort(s); err == nil {
		emit(ap.Addr(), f)
		return true
	}
	return false
}

func emit(a netip.Addr, f func(Value)) {
	a = a.Unmap()
	if a.Is4() {
		f(Value{IPv4, a.String()})
	} else {
		f(Value{IPv6, a.String()})
	}
}

func hash(s string, f func(Value)) bool {
	kind, ok := hashKinds[len(s)]
	if !ok {
		return false
	}
	v, err := Parse(kind, s)
	if err == nil {
		f(v)
	}
	return err == nil
}

func joined(s string, f func(Value)) {
	s = strings.TrimPrefix(strings.ToLower(s), "ip")
	s = strings.Trim(strings.ReplaceAll(s, "_", "-"), "-")
	head, _, _ := strings.Cut(s, ".")
	if strings.Count(head, "-") != 3 {
		return
	}
	if a, err := netip.ParseAddr(strings.ReplaceAll(head, "-", ".")); err == nil {
		emit(a, f)
	}
}
