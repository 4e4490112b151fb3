package mail

import (
	"net/mail"
	"net/netip"
	"strings"
	"time"
)

// hop is one machine that handed the message on, as the one that took it wrote.
type hop struct {
	ip netip.Addr
	by string
	at time.Time
}

// entry gives the machine that handed the message to the own servers: the first
// one, from the top, with an address that is neither private nor one's own. What
// stands below was written by others and may be forged. The time is that of the
// topmost field, which the last of the own servers wrote.
func (m *message) entry(received []string) hop {
	var out hop
	for i, line := range received {
		h := parseHop(line)
		if i == 0 {
			out.at = h.at
		}
		if h.ip.IsValid() && !m.own(h.ip) {
			out.ip, out.by = h.ip, h.by
			return out
		}
	}
	return out
}

func (m *message) own(a netip.Addr) bool {
	if a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast() || a.IsUnspecified() || a.IsMulticast() || shared.Contains(a) {
		return true
	}
	for _, p := range m.o.Own {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

var shared = netip.MustParsePrefix("100.64.0.0/10")

// parseHop takes a Received field apart: "from NAME (NAME [IP]) by NAME ...; TIME".
// The name after "from" and after HELO is what the sender claims; the address
// that counts is the last one before "by" that the taking machine saw itself.
func parseHop(line string) hop {
	var h hop
	if i := strings.LastIndexByte(line, ';'); i >= 0 {
		if t, err := mail.ParseDate(strings.TrimSpace(line[i+1:])); err == nil {
			h.at = t
		}
		line = line[:i]
	}
	from := line
	low := strings.ToLower(line)
	if i := strings.Index(low, " by "); i >= 0 {
		from = line[:i]
		h.by, _, _ = strings.Cut(strings.TrimSpace(line[i+4:]), " ")
		h.by = h.by[:min(len(h.by), 255)]
	}
	if !strings.HasPrefix(strings.ToLower(strings.TrimSpace(from)), "from ") {
		return h
	}
	words := strings.FieldsFunc(from, func(r rune) bool { return strings.ContainsRune(" ()\t,", r) })
	for i, w := range words {
		if i > 0 && (strings.EqualFold(words[i-1], "helo") || strings.EqualFold(words[i-1], "ehlo")) {
			continue
		}
		if k, _, ok := strings.Cut(w, "="); ok && !strings.HasPrefix(w, "[") {
			_ = k // helo=…, port=…, envelope-from=…
			continue
		}
		if j := strings.LastIndexByte(w, '@'); j >= 0 { // ident@[IP]
			w = w[j+1:]
		}
		w, _, _ = strings.Cut(w, "]")
		w = strings.TrimPrefix(w, "[")
		if len(w) > 5 && strings.EqualFold(w[:5], "ipv6:") {
			w = w[5:]
		}
		if a, err := netip.ParseAddr(w); err == nil {
			h.ip = a.Unmap().WithZone("")
		}
	}
	return h
}
