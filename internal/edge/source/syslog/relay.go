package syslog

import (
	"bytes"
	"net/netip"
	"time"
)

func trimEnd(b []byte) []byte { return bytes.TrimRight(b, "\r\n\x00") }

// relay makes one line of a record. A record that names no host gets its
// sender's address where RFC 3164, 4.3 wants a relay to put it: behind the time,
// or with the time of arrival in front of a record that has none; in RFC 5424 in
// the place of "-". A record that names its host is left as it is, and so is
// every other byte, except that line ends and zeros inside are written #012,
// #015 and #000, as other collectors do, so that no sender can forge a line.
func relay(b []byte, from netip.Addr, now time.Time) []byte {
	at, stamp := hostless(b)
	if at < 0 || !from.IsValid() {
		return oneLine(nil, b)
	}
	out := oneLine(make([]byte, 0, len(b)+64), b[:at])
	if stamp {
		out = now.AppendFormat(out, "2006-01-02T15:04:05.000000Z07:00")
		out = append(out, ' ')
	}
	out = from.AppendTo(out)
	rest := b[at:]
	if len(rest) > 0 && rest[0] == '-' && !stamp {
		rest = rest[1:] // the place held open
	} else {
		out = append(out, ' ')
	}
	return oneLine(out, rest)
}

func oneLine(dst, b []byte) []byte {
	if dst == nil && bytes.IndexByte(b, '\n') < 0 && bytes.IndexByte(b, '\r') < 0 && bytes.IndexByte(b, 0) < 0 {
		return b
	}
	for _, c := range b {
		switch c {
		case '\n':
			dst = append(dst, "#012"...)
		case '\r':
			dst = append(dst, "#015"...)
		case 0:
			dst = append(dst, "#000"...)
		default:
			dst = append(dst, c)
		}
	}
	return dst
}

// hostless gives the place where the host is missing, and whether the time is
// missing too; at is -1 when the record names its host or speaks for itself.
func hostless(b []byte) (at int, stamp bool) {
	n := priLen(b)
	rest := b[n:]
	if speaks(rest) {
		return -1, false
	}
	if bytes.HasPrefix(rest, []byte("1 ")) {
		i := bytes.IndexByte(rest[2:], ' ')
		if i >= 0 && bytes.HasPrefix(rest[2+i+1:], []byte("- ")) {
			return n + 2 + i + 1, false
		}
		return -1, false
	}
	t := stampLen(rest)
	if t == 0 {
		return n, true
	}
	host, _, _ := bytes.Cut(rest[t:], []byte{' '})
	if len(host) == 0 || bytes.ContainsAny(host, "[=\"(,") || host[len(host)-1] == ':' || host[0] == '%' {
		return n + t, false
	}
	return -1, false
}

// speaks reports whether a record says by itself where it comes from, or has a
// head of its own kind that a host in front would hide: JSON, XML, pairs with
// the device's name, the numbered or starred lines of Cisco.
func speaks(b []byte) bool {
	if len(b) == 0 || bytes.IndexByte([]byte("{[<*."), b[0]) >= 0 {
		return true
	}
	if b[0] >= '0' && b[0] <= '9' {
		i := bytes.IndexByte(b, ':')
		return i > 0 && i+1 < len(b) && b[i+1] == ' ' && len(bytes.Trim(b[:i], "0123456789")) == 0
	}
	for _, k := range [...]string{"devname=", "device_name=", "devid=", "hostname=", "fw="} {
		if i := bytes.Index(b, []byte(k)); i == 0 || i > 0 && b[i-1] == ' ' {
			return true
		}
	}
	return false
}

// priLen is the length of "<34>", 0 when there is none.
func priLen(b []byte) int {
	i := 1
	for i < len(b) && i < 4 && b[i] >= '0' && b[i] <= '9' {
		i++
	}
	if i == 1 || i >= len(b) || b[0] != '<' || b[i] != '>' {
		return 0
	}
	return i + 1
}

const months = "JanFebMarAprMayJunJulAugSepOctNovDec"

// stampLen is the length of "Nov  5 08:55:46 " or of "2026-11-05T08:55:46+01:00 ".
func stampLen(b []byte) int {
	const short = len("Nov  5 08:55:46 ")
	if len(b) >= short && bytes.Contains([]byte(months), b[:3]) && b[3] == ' ' && b[9] == ':' && b[12] == ':' && b[15] == ' ' {
		return short
	}
	if len(b) > 20 && b[4] == '-' && b[7] == '-' && b[10] == 'T' && b[13] == ':' {
		if i := bytes.IndexByte(b[:min(len(b), 40)], ' '); i > 0 {
			return i + 1
		}
	}
	return 0
}
