package logline

import (
	"bytes"
	"time"
)

const minute = time.Minute

// bracketed reads lines that begin with a bracket: mostly a time in it.
func (r *Reader) bracketed(b []byte, depth int) bool {
	if starts(b, "[action:\"") || starts(b, "[flags:\"") {
		if r.bracketPairs(b) > 0 {
			if t := r.get("time"); r.ev.Time.IsZero() && len(t) > 0 {
				r.whenField(t)
			}
			return r.checkpoint()
		}
	}
	if starts(b, "[GIN] ") {
		return r.gin(b[6:])
	}
	if index(b[:min(len(b), 400)], "IN=") >= 0 && has(b, " SRC=") {
		return r.netfilter(b)
	}
	inner, ok := r.when(b[1:])
	if !ok {
		if i := bytes.IndexByte(b, ']'); i > 0 && i < 40 && depth < maxDepth { // [Nest] 7 - 11/24/2026, …
			rest := trim(b[i+1:])
			if j := index(rest[:min(len(rest), 16)], " - "); j >= 0 {
				if more, ok := r.when(rest[j+3:]); ok {
					return r.rest(more)
				}
			}
		}
		return false
	}
	i := bytes.IndexByte(inner, ']')
	if i < 0 || i > 40 {
		return false
	}
	rest := inner[i+1:]
	if weekday(b[1:]) {
		return r.apacheError(rest)
	}
	if starts(rest, ": ") {
		rest = rest[2:]
	}
	rest = trim(rest)
	if len(rest) == 0 {
		return false
	}
	if r.asterisk(rest) || r.roundcube(rest) || r.envoy(rest) || r.proxyManager(rest) {
		return true
	}
	return r.phpLog(rest) || r.stampedKnown(b, rest, depth) || r.rest(rest)
}

// gin reads the access log of Go programs: 2026/11/24 - 08:55:46 | 401 | 505µs | 192.0.2.7 | POST "/client".
func (r *Reader) gin(b []byte) bool {
	e := &r.ev
	rest, ok := r.when(b)
	if !ok {
		return false
	}
	var c [5][]byte
	n := 0
	for n < len(c) {
		var v []byte
		_, v, ok = cut(rest, "|")
		if !ok {
			break
		}
		rest = v
		v, _, _ = cut(v, "|")
		c[n] = trim(v)
		n++
	}
	if n < 4 || !e.from(c[2]) {
		return false
	}
	e.Product, e.Action = "web", Request
	e.Status = count(c[0])
	e.Method, _ = word(c[3])
	e.Path, _ = quoted(c[3])
	e.answered()
	return true
}

// proxyManager reads Nginx Proxy Manager: "- 404 404 - GET http host "/path" [Client 192.0.2.7] …".
func (r *Reader) proxyManager(b []byte) bool {
	e := &r.ev
	i := index(b, " \"")
	if i < 0 || i > 200 {
		return false
	}
	path, rest := quoted(b[i:])
	rest = trim(rest)
	if !starts(rest, "[Client ") {
		return false
	}
	if !e.from(between(rest, "[Client ", "]")) {
		return false
	}
	e.Product, e.Action, e.Path = "nginx", Request, path
	f := b[:i]
	for n := 0; len(f) > 0 && n < 8; n++ {
		var w []byte
		w, f = word(f)
		if k, ok := number(w); ok && k >= 100 && k < 600 {
			e.Status = k
		} else if len(w) > 2 && w[0] >= 'A' && w[0] <= 'Z' {
			e.Method = w
			_, f = word(f)
			e.Host, f = word(f)
		}
	}
	e.Agent, _ = quoted(rest)
	e.answered()
	return true
}

// envoy reads "[time] "GET /x HTTP/1.1" 200 - 0 256 50 25 "192.0.2.7" "agent" …";
// the address is that of X-Forwarded-For, so it is a field and not the source,
// unless it is the only one.
func (r *Reader) envoy(b []byte) bool {
	e := &r.ev
	if b[0] != '"' {
		return false
	}
	line, rest := quoted(b)
	rest = trim(rest)
	n := digits(rest)
	if n != 3 {
		return false
	}
	e.Product, e.Action = "web", Request
	e.asked(line)
	e.Status = count(rest[:3])
	e.answered()
	fwd, rest := quoted(rest)
	r.add("x_forwarded_for", fwd)
	if bytes.IndexByte(fwd, ',') < 0 {
		e.Source = addr(fwd)
	}
	e.Agent, _ = quoted(rest)
	return true
}

// phpLog reads Monolog ("[time] channel.LEVEL: text {…} []") and the logs of
// PHP applications that write the same way.
func (r *Reader) phpLog(b []byte) bool {
	i := index(b[:min(len(b), 60)], ": ")
	if i < 0 || bytes.IndexByte(b[:i], '.') < 0 || bytes.IndexByte(b[:i], ' ') >= 0 {
		return false
	}
	r.ev.Channel = b[:i]
	said := trim(b[i+2:])
	if j := bytes.IndexByte(said, '{'); j >= 0 && r.object(said[j:cutBrackets(said)]) {
		r.assign()
		if r.ev.Source.IsValid() || r.ev.from(r.get("ip")) {
			r.ev.Product, r.ev.Action = "app", Other
			kind := r.get("type")
			r.judgeKind(kind, said[:j])
			return true
		}
	}
	return r.cmsLog(b[:i], said) || r.rest(said)
}

// cutBrackets gives the end of the object before Monolog's last " []".
func cutBrackets(b []byte) int {
	if i := bytes.LastIndexByte(b, '}'); i >= 0 {
		return i + 1
	}
	return len(b)
}

func (r *Reader) judgeKind(kind, said []byte) {
	e := &r.ev
	switch {
	case hasFold(kind, "login_failed"), hasFold(kind, "login_failure"), appVerdict(said):
		e.did(Login, Failure)
	case hasFold(kind, "login_success"):
		e.did(Login, Success)
	case hasFold(kind, "failed"):
		e.did(Request, Failure)
	case len(kind) > 0:
		e.did(Request, Success)
	}
}

// litespeed reads "[NOTICE] [pid] [IP:PORT:HTTP2-41#host] text".
func (r *Reader) litespeed(b []byte) bool {
	e := &r.ev
	rest := b
	for starts(rest, "[") {
		i := bytes.IndexByte(rest, ']')
		if i < 0 {
			return false
		}
		in := rest[1:i]
		if !e.Source.IsValid() {
			if j := addrPortEnd(in); j > 0 {
				e.from(in[:j])
			}
		}
		rest = trim(rest[i+1:])
	}
	if !e.Source.IsValid() {
		return false
	}
	e.Product, e.Action = "web", Other
	src, p := e.Source, e.SrcPort
	switch {
	case starts(rest, "Failed Login Attempt"):
		e.did(Login, Failure)
		e.person(between(rest, "username:", " ip:"))
	case appForms.read(rest, e):
	}
	e.Source, e.SrcPort = src, p
	return true
}

// addrPortEnd measures IP:PORT at the start of "IP:PORT:more" and "IP:PORT-more".
func addrPortEnd(b []byte) int {
	i := bytes.IndexByte(b, ':')
	if i <= 0 {
		return 0
	}
	if n := digits(b[i+1:]); n > 0 {
		if _, ok := ip4(b[:i]); ok {
			return i + 1 + n
		}
	}
	return 0
}

// elb reads the balancers of a cloud: "https TIME NAME CLIENT:PORT TARGET:PORT … "GET …" "agent"".
func (r *Reader) elb(b []byte) bool {
	w, rest := word(b)
	switch string(w) {
	case "http", "https", "h2", "ws", "wss", "grpcs":
	default:
		return false
	}
	rest, ok := r.iso(rest)
	if !ok {
		return false
	}
	e := &r.ev
	_, rest = word(trim(rest))
	client, rest := word(rest)
	if !e.from(client) {
		return false
	}
	target, rest := word(rest)
	e.to(target)
	for range 3 {
		_, rest = word(rest)
	}
	status, rest := word(rest)
	e.Product, e.Action, e.Status = "web", Request, count(status)
	line, rest := quoted(rest)
	e.asked(line)
	e.Agent, _ = quoted(rest)
	e.answered()
	return true
}

// tarpitForms read endlessh, which keeps scanners waiting.
var tarpitForms = compile(
	form{text: "ACCEPT host={ip} port={port}", action: Probe},
	form{text: "CLOSE host={ip} port={port}", action: Close},
)

// zoraxy reads "[time] [router:…] [origin:…] [client: 192.0.2.7] [useragent: …] GET /path 404".
func (r *Reader) zoraxy(b []byte) bool {
	e := &r.ev
	i := index(b[:min(len(b), 300)], "] [client: ")
	if i < 0 || !has(b[:i], "[router:") {
		return false
	}
	rest := b[i+11:]
	j := bytes.IndexByte(rest, ']')
	if j < 0 || !e.from(rest[:j]) {
		return false
	}
	e.Product, e.Action = "web", Request
	k := lastIndex(rest, "] ")
	if k < 0 {
		return true
	}
	if u := index(rest[:k], "[useragent: "); u >= 0 {
		e.Agent = rest[u+12 : k]
	}
	e.Method, rest = word(rest[k+2:])
	if s := bytes.LastIndexByte(rest, ' '); s > 0 {
		e.Path, e.Status = rest[:s], count(rest[s+1:])
	}
	e.answered()
	return true
}
