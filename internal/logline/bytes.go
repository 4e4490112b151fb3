package logline

import (
	"bytes"
	"net/netip"
	"strings"
	"unsafe"
)

func cut(b []byte, sep string) (before, after []byte, ok bool) {
	if i := index(b, sep); i >= 0 {
		return b[:i], b[i+len(sep):], true
	}
	return b, nil, false
}

func index(b []byte, s string) int { return strings.Index(text(b), s) }

// text looks at bytes as a string, for searching only.
func text(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

func lastIndex(b []byte, s string) int {
	for i := len(b) - len(s); i >= 0; i-- {
		if b[i] == s[0] && string(b[i:i+len(s)]) == s {
			return i
		}
	}
	return -1
}

func has(b []byte, s string) bool { return index(b, s) >= 0 }

func starts(b []byte, s string) bool { return len(b) >= len(s) && string(b[:len(s)]) == s }

func ends(b []byte, s string) bool { return len(b) >= len(s) && string(b[len(b)-len(s):]) == s }

func after(b []byte, prefix string) ([]byte, bool) {
	if starts(b, prefix) {
		return b[len(prefix):], true
	}
	return b, false
}

// between gives what stands between the first from and the next to.
func between(b []byte, from, to string) []byte {
	i := index(b, from)
	if i < 0 {
		return nil
	}
	b = b[i+len(from):]
	if j := index(b, to); j >= 0 {
		return b[:j]
	}
	return nil
}

// word gives the bytes up to the next blank, and what follows it.
func word(b []byte) (w, rest []byte) {
	for i, c := range b {
		if c == ' ' || c == '\t' {
			return b[:i], b[i+1:]
		}
	}
	return b, nil
}

func trim(b []byte) []byte {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\t') {
		b = b[1:]
	}
	for len(b) > 0 && (b[len(b)-1] == ' ' || b[len(b)-1] == '\t') {
		b = b[:len(b)-1]
	}
	return b
}

// unquote takes one pair of the same quotes away.
func unquote(b []byte) []byte {
	if len(b) >= 2 && b[0] == b[len(b)-1] && (b[0] == '"' || b[0] == '\'') {
		return b[1 : len(b)-1]
	}
	return b
}

// fold compares without regard to the case of ASCII letters; s is lower case.
func fold(b []byte, s string) bool {
	if len(b) != len(s) {
		return false
	}
	for i := range b {
		c := b[i]
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != s[i] {
			return false
		}
	}
	return true
}

// hasFold looks for s, given in lower case, in b of any case.
func hasFold(b []byte, s string) bool {
	lo, up := s[0], s[0]
	if lo >= 'a' && lo <= 'z' {
		up = lo - 32
	}
	for i := 0; i+len(s) <= len(b); i++ {
		if c := b[i]; (c == lo || c == up) && fold(b[i:i+len(s)], s) {
			return true
		}
	}
	return false
}

func digits(b []byte) int {
	n := 0
	for n < len(b) && b[n] >= '0' && b[n] <= '9' {
		n++
	}
	return n
}

// number reads a whole number of at most nine digits that stands alone.
func number(b []byte) (int, bool) {
	if len(b) == 0 || len(b) > 9 {
		return 0, false
	}
	n := 0
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	return n, true
}

func count(b []byte) int {
	n, _ := number(b)
	return n
}

// port reads a port; what is none gives 0.
func port(b []byte) int {
	if n, ok := number(b); ok && n <= 65535 {
		return n
	}
	return 0
}

// ip reads an address that stands alone.
func ip(b []byte) (netip.Addr, bool) {
	if a, ok := ip4(b); ok {
		return a, true
	}
	if i := bytes.IndexByte(b, '%'); i > 0 { // the zone of a link-local address
		b = b[:i]
	}
	if !maybe6(b) {
		return netip.Addr{}, false
	}
	a, err := netip.ParseAddr(text(b))
	if err != nil {
		return netip.Addr{}, false
	}
	return a.Unmap(), true
}

// maybe6 rules out what cannot be IPv6: times, and addresses with a port.
func maybe6(b []byte) bool {
	if len(b) < 2 || len(b) > 45 {
		return false
	}
	colons, double := 0, false
	for i, c := range b {
		switch {
		case c == ':':
			colons++
			double = double || i > 0 && b[i-1] == ':'
		case c != '.' && (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'f'):
			return false
		}
	}
	return double || colons == 7 || colons == 6
}

func ip4(b []byte) (netip.Addr, bool) {
	if len(b) < 7 || len(b) > 15 {
		return netip.Addr{}, false
	}
	var a [4]byte
	part, n, seen := 0, 0, 0
	for _, c := range b {
		switch {
		case c >= '0' && c <= '9':
			if n = n*10 + int(c-'0'); n > 255 {
				return netip.Addr{}, false
			}
			seen++
		case c == '.' && seen > 0 && part < 3:
			a[part] = byte(n)
			part, n, seen = part+1, 0, 0
		default:
			return netip.Addr{}, false
		}
	}
	if part != 3 || seen == 0 {
		return netip.Addr{}, false
	}
	a[3] = byte(n)
	return netip.AddrFrom4(a), true
}

// addr is ip without the second answer, and without what products put around
// an address: brackets, quotes, a prefix length.
func addr(b []byte) netip.Addr {
	b = unquote(trim(b))
	if len(b) > 2 && b[0] == '[' && b[len(b)-1] == ']' {
		b = b[1 : len(b)-1]
	}
	if i := bytes.IndexByte(b, '/'); i > 0 {
		b = b[:i]
	}
	a, _ := ip(b)
	return a
}

// addrPort reads an address with or without a port behind it: 192.0.2.1:22,
// [2001:db8::1]:22, 192.0.2.1#22, 192.0.2.1(22), 192.0.2.1/22, 192.0.2.1.22,
// and 2001:db8::1.22.
func addrPort(b []byte) (netip.Addr, int, bool) {
	if a, ok := ip(b); ok {
		return a, 0, true
	}
	if len(b) > 0 && b[0] == '[' {
		if i := bytes.IndexByte(b, ']'); i > 0 {
			a, ok := ip(b[1:i])
			rest := b[i+1:]
			if len(rest) > 1 && (rest[0] == ':' || rest[0] == '.') {
				return a, port(rest[1:]), ok
			}
			return a, 0, ok && len(rest) == 0
		}
		return netip.Addr{}, 0, false
	}
	end := len(b)
	if end > 0 && b[end-1] == ')' {
		end--
	}
	for i := end - 1; i > 1; i-- {
		if c := b[i]; c < '0' || c > '9' {
			if c != ':' && c != '#' && c != '(' && c != '/' && c != '.' || i == end-1 {
				return netip.Addr{}, 0, false
			}
			a, ok := ip(b[:i])
			return a, port(b[i+1 : end]), ok
		}
	}
	return netip.Addr{}, 0, false
}

func (e *Event) from(b []byte) bool {
	a, p, ok := addrPort(b)
	if ok {
		e.Source = a
		if p > 0 {
			e.SrcPort = p
		}
	}
	return ok
}

func (e *Event) to(b []byte) bool {
	a, p, ok := addrPort(b)
	if ok {
		e.Dest = a
		if p > 0 {
			e.DestPort = p
		}
	}
	return ok
}

// person sets the user, and the domain of DOMAIN\user; a dash and its kin are
// nobody.
func (e *Event) person(b []byte) {
	if nobody(b) {
		return
	}
	if i := bytes.IndexByte(b, '\\'); i > 0 && i < len(b)-1 {
		if i+2 < len(b) && b[i+1] == '\\' {
			e.UserDomain, e.User = b[:i], b[i+2:]
			return
		}
		e.UserDomain, e.User = b[:i], b[i+1:]
		return
	}
	e.User = b
}

func nobody(b []byte) bool {
	switch string(b) {
	case "", "-", "--", "N/A", "n/a", "(null)", "null", "NULL", "<unknown>", "unknown user", "undefined", "unset":
		return true
	}
	return false
}

// protocol names the protocol of a number or of a name in any case.
func protocol(b []byte) string {
	switch len(b) {
	case 0:
		return ""
	case 1, 2, 3:
		if b[0] >= '0' && b[0] <= '9' {
			switch string(b) {
			case "1":
				return "icmp"
			case "2":
				return "igmp"
			case "6":
				return "tcp"
			case "17":
				return "udp"
			case "47":
				return "gre"
			case "50":
				return "esp"
			case "51":
				return "ah"
			case "58":
				return "icmp6"
			case "132":
				return "sctp"
			}
			return ""
		}
	}
	for _, p := range [...]string{"tcp", "udp", "icmp", "icmp6", "icmpv6", "igmp", "gre", "esp", "ah", "sctp", "tls", "dtls"} {
		if fold(b, p) {
			if p == "icmpv6" {
				return "icmp6"
			}
			return p
		}
	}
	return ""
}

// level brings the many words for how bad something is to three.
func level(b []byte) string {
	switch {
	case len(b) == 0:
		return ""
	case fold(b, "critical"), fold(b, "high"), fold(b, "severe"), fold(b, "emergency"), fold(b, "fatal"), fold(b, "very-high"), fold(b, "grave"), fold(b, "critico"), fold(b, "alto"):
		return "high"
	case fold(b, "medium"), fold(b, "warning"), fold(b, "moderate"), fold(b, "error"), fold(b, "major"), fold(b, "medio"), fold(b, "alert"):
		return "medium"
	case fold(b, "low"), fold(b, "informational"), fold(b, "information"), fold(b, "info"), fold(b, "notice"), fold(b, "minor"), fold(b, "basso"):
		return "low"
	}
	return ""
}

// levelOf10 reads a number from 0 to 10 as CEF and LEEF give it, or a word.
func levelOf10(b []byte) string {
	n, ok := number(b)
	switch {
	case !ok:
		return level(b)
	case n >= 7:
		return "high"
	case n >= 4:
		return "medium"
	}
	return "low"
}
