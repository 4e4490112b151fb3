package logline

import "bytes"

// bind reads named: "client @0x7f… IP#PORT (NAME): query: NAME IN A + (IP)",
// with a view or without, and what it refused.
func (r *Reader) bind(msg []byte) bool {
	e := &r.ev
	at := index(msg[:min(len(msg), 80)], "client ")
	if at < 0 {
		return false
	}
	rest := msg[at+7:]
	if starts(rest, "@0x") {
		_, rest = word(rest)
	}
	n := addrPortLen(rest)
	if n == 0 || !e.from(rest[:n]) {
		return false
	}
	e.Product, e.Action = "bind", Other
	rest = trim(rest[n:])
	if starts(rest, "(") {
		if i := index(rest, "): "); i > 0 {
			e.Name, rest = rest[1:i], rest[i+3:]
		}
	} else {
		rest = bytes.TrimPrefix(rest, []byte(": "))
	}
	if starts(rest, "view ") {
		_, rest, _ = cut(rest, ": ")
	}
	switch {
	case starts(rest, "query: "):
		e.did(Query, Success)
		name, more := word(rest[7:])
		e.Name = name
		_, more = word(more)
		kind, _ := word(more)
		r.add("type", kind)
		if i := lastIndex(rest, " ("); i > 0 && ends(rest, ")") {
			e.to(rest[i+2 : len(rest)-1])
		}
	case has(rest, "denied"), has(rest, "refused"):
		e.did(Query, Denied)
		if q := between(rest, "'", "'"); q != nil {
			if i := bytes.LastIndexByte(q, '/'); i > 0 {
				if j := bytes.LastIndexByte(q[:i], '/'); j > 0 {
					e.Name = q[:j]
					r.add("type", q[j+1:i])
				}
			}
		}
		if starts(rest, "update") || starts(rest, "signer") {
			e.did(Change, Denied)
		}
	case starts(rest, "query failed"), starts(rest, "error"), starts(rest, "rate limit"):
		e.did(Query, Failure)
	case starts(rest, "message parsing failed"), starts(rest, "request has invalid"):
		e.Action = Probe
	}
	return true
}

// unbound reads "[pid:0] info: IP NAME. TYPE CLASS", mostly without a port.
func (r *Reader) unbound(msg []byte) bool {
	e := &r.ev
	if i := index(msg, "] "); starts(msg, "[") && i > 0 {
		msg = msg[i+2:]
	}
	said, ok := after(msg, "info: ")
	if !ok {
		said, _ = after(msg, "query: ")
	}
	e.Product, e.Action = "unbound", Other
	w, rest := word(said)
	if !e.from(bytes.Replace(w, []byte("@"), []byte("#"), 1)) {
		return true
	}
	name, rest := word(rest)
	if string(name) == "query:" {
		name, rest = word(rest)
	}
	kind, rest := word(rest)
	_, rest = word(rest)
	code, _ := word(rest)
	if ends(name, ".") {
		name = name[:len(name)-1]
	}
	e.did(Query, Success)
	e.Name = name
	r.add("type", kind)
	r.add("rcode", code)
	if string(code) == "REFUSED" {
		e.Outcome = Denied
	} else if len(code) > 0 && string(code) != "NOERROR" {
		e.Outcome = Failure
	}
	return true
}

var dnsmasqForms = compile(
	form{text: "{id} {from} query[{method}] {name} from {any}$", action: Query, outcome: Success},
	form{text: "query[{method}] {name} from {ip}", action: Query, outcome: Success},
	form{text: "possible DNS-rebind attack detected: {name}", action: Alert},
	form{text: "DHCPACK({any}) {dest} ", action: Other},
)

// dnsmasq reads queries; the answer lines that follow name no client.
func (r *Reader) dnsmasq(msg []byte) bool {
	e := &r.ev
	e.Product, e.Action = "dnsmasq", Other
	if dnsmasqForms.read(msg, e) {
		if e.Action == Query {
			r.add("type", e.Method)
			e.Method = nil
		}
		if e.Action == Alert {
			e.Threat, e.Level = msg, "medium"
		}
	}
	e.ID = 0
	return true
}

// windowsDNS reads the debug log of Microsoft's server:
//
//	24/11/2026 08:55:46 0E3C PACKET  000001 UDP Rcv 192.0.2.7  5f3a   Q [0001   D   NOERROR] A  (3)www(7)example(0)
//
// Names come as lengths and labels; they are given with dots.
func (r *Reader) windowsDNS(rest []byte) bool {
	e := &r.ev
	i := index(rest[:min(len(rest), 40)], "PACKET")
	if i < 0 {
		return false
	}
	f := rest[i+6:]
	next := func() (w []byte) {
		f = trim(f)
		w, f = word(f)
		return w
	}
	next() // identifier
	proto, dir, who := next(), next(), next()
	if e.Proto = protocol(proto); e.Proto == "" || string(dir) != "Rcv" && string(dir) != "Snd" {
		return false
	}
	e.Product, e.Action = "windows-dns", Other
	a, _ := ip(who)
	open := bytes.IndexByte(f, '[')
	end := bytes.IndexByte(f, ']')
	if open < 0 || end < open {
		return true
	}
	answer := has(f[:open], "R ")
	if flags := f[open+1 : end]; has(flags, "REFUSED") {
		e.Outcome = Denied
	} else if answer && !has(flags, "NOERROR") {
		e.Outcome = Failure
	}
	kind, name := word(trim(f[end+1:]))
	r.add("type", kind)
	e.Name = r.labelsToName(trim(name))
	if string(dir) == "Rcv" != answer {
		e.Source = a // a client asked, or an answer went to it
		e.Action = Query
	} else {
		e.Dest = a // this server asked another one
	}
	return true
}

// labelsToName turns (3)www(7)example(0) into www.example.
func (r *Reader) labelsToName(b []byte) []byte {
	if len(b) == 0 || b[0] != '(' {
		return b
	}
	from := len(r.buf)
	for len(b) > 2 && b[0] == '(' {
		n := digits(b[1:])
		if n == 0 || 1+n >= len(b) || b[1+n] != ')' {
			break
		}
		size := count(b[1 : 1+n])
		b = b[2+n:]
		if size == 0 || size > len(b) {
			break
		}
		if len(r.buf) > from {
			r.buf = append(r.buf, '.')
		}
		r.buf = append(r.buf, b[:size]...)
		b = b[size:]
	}
	return r.buf[from:]
}
