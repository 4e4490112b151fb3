package logline

import "bytes"

// haproxy reads the HTTP and the TCP format:
// IP:PORT [24/Nov/2026:08:55:46.123] front~ back/server 0/0/0/1/1 200 312 - - ---- 1/1/0/0/0 0/0 "GET / HTTP/1.1"
func (r *Reader) haproxy(msg []byte) bool {
	e := &r.ev
	e.Product, e.Action = "haproxy", Other
	w, rest := word(msg)
	if !e.from(w) || !starts(rest, "[") {
		return true
	}
	keepTime, zone := e.Time, e.Zone
	if _, ok := r.clf(rest[1:]); !ok && !keepTime.IsZero() {
		e.Time, e.Zone = keepTime, zone
	}
	if zone == ZoneLine && e.Zone == ZoneMachine && !keepTime.IsZero() {
		e.Time, e.Zone = keepTime, zone // the head of syslog knew its offset
	}
	_, rest, _ = cut(rest, "] ")
	front, rest := word(rest)
	back, rest := word(rest)
	r.add("frontend", bytes.TrimSuffix(front, []byte("~")))
	if bytes.HasSuffix(back, []byte(":")) || has(rest, "SSL handshake failure") {
		e.did(Probe, "")
		return true
	}
	r.add("backend", back)
	e.Channel = back
	_, rest = word(rest) // timers
	status, rest := word(rest)
	e.Status = count(status)
	if i := bytes.IndexByte(rest, '"'); i >= 0 {
		line, _ := quoted(rest[i:])
		e.asked(line)
		e.Action = Request
		e.answered()
		if string(line) == "<BADREQ>" {
			e.Method, e.Path = nil, nil
			e.did(Probe, "")
		}
		for h := rest; ; { // captured headers stand in braces
			j := bytes.IndexByte(h, '{')
			if j < 0 || j > i {
				break
			}
			k := bytes.IndexByte(h[j:], '}')
			if k < 0 {
				break
			}
			r.add("captured", h[j+1:j+k])
			h = h[j+k:]
		}
		return true
	}
	e.did(Connect, Success)
	return true
}

// squid reads its own format: 1795510546.123    45 192.0.2.7 TCP_MISS/200 1024 GET http://… user HIER_DIRECT/198.51.100.9 text/html
func (r *Reader) squid(rest []byte) bool {
	e := &r.ev
	rest = trim(rest)
	n := digits(rest)
	if n == 0 || n >= len(rest) || rest[n] != ' ' {
		return false
	}
	who, rest := word(trim(rest[n:]))
	a, ok := ip(who)
	result, rest := word(rest)
	i := bytes.IndexByte(result, '/')
	if !ok || i <= 0 {
		return false
	}
	e.Product, e.Action, e.Source = "squid", Request, a
	r.add("result", result[:i])
	e.Status = count(result[i+1:])
	_, rest = word(rest)
	e.Method, rest = word(rest)
	// The path may hold blanks when a client sent them: the end is Squid's.
	f, _ := lastWord(rest)
	f, from := lastWord(f)
	f, user := lastWord(f)
	if _, peer, ok := cut(from, "/"); ok {
		e.to(peer)
	}
	if !nobody(user) {
		e.User = user
	}
	e.Path = f
	e.answered()
	if has(result, "DENIED") {
		e.Outcome = Denied
	}
	return true
}

// lastWord cuts the last word off.
func lastWord(b []byte) (rest, w []byte) {
	i := bytes.LastIndexByte(b, ' ')
	return b[:max(i, 0)], b[i+1:]
}
