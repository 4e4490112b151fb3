package logline

import "bytes"

// combined reads the common and the combined format of Apache, nginx,
// LiteSpeed and of all who imitate them, with or without a virtual host before
// the address, the source port that filo's advice puts behind it
// ("192.0.2.1:51000"), and a number or more at the end:
//
//	IP - USER [24/Nov/2026:08:55:46 +0100] "GET /x HTTP/1.1" 404 123 "ref" "agent"
//
// The brackets of the time are the first ones that hold one: a user name may
// hold brackets too.
func (r *Reader) combined(b []byte) bool {
	e := &r.ev
	open := 0
	for tries := 0; ; tries++ {
		i := bytes.IndexByte(b[open:min(len(b), 400)], '[')
		if i < 0 || tries == 4 {
			return false
		}
		open += i + 1
		if rest, ok := r.clf(b[open:]); ok && len(rest) > 0 && rest[0] == ']' {
			if !r.visitor(b[:open-1]) {
				return false
			}
			e.Product = "web"
			e.Action = Request
			r.request(rest[1:])
			return true
		}
	}
}

// visitor reads what stands before the time: [HOST] IP[:PORT] IDENT USER, the
// user with blanks in it when he typed some.
func (r *Reader) visitor(b []byte) bool {
	e := &r.ev
	first, rest := word(trim(b))
	if !e.from(first) {
		host := first
		if first, rest = word(rest); !e.from(first) {
			return false
		}
		e.Host = host
		if i := bytes.LastIndexByte(host, ':'); i > 0 {
			e.Host, e.DestPort = host[:i], port(host[i+1:])
		}
	}
	_, rest = word(rest) // ident
	e.person(trim(rest))
	return true
}

// request reads ` "GET /x HTTP/1.1" 404 123 "ref" "agent" ...`. A quote inside
// a quoted part is escaped by all servers.
func (r *Reader) request(b []byte) {
	e := &r.ev
	line, b := quoted(b)
	e.asked(line)
	if len(b) > 0 && b[0] == ' ' {
		b = b[1:]
	}
	n := digits(b)
	e.Status = count(b[:n])
	e.answered()
	e.Referer, b = quoted(b)
	if string(e.Referer) == "-" {
		e.Referer = nil
	}
	e.Agent, b = quoted(b)
	if string(e.Agent) == "-" {
		e.Agent = nil
	}
	if len(b) == 0 {
		return
	}
	if w, _ := word(trim(b)); e.SrcPort == 0 {
		e.SrcPort = port(w)
	}
	if fwd, _ := quoted(b); len(fwd) > 1 { // mostly X-Forwarded-For; never believed
		r.add("x_forwarded_for", fwd)
	}
}

// asked cuts "GET /x HTTP/1.1".
func (e *Event) asked(line []byte) {
	i := bytes.IndexByte(line, ' ')
	if i < 0 {
		if string(line) != "-" {
			e.Path = line // bytes that are no request at all
		}
		return
	}
	path := line[i+1:]
	if j := bytes.LastIndexByte(path, ' '); j >= 0 && starts(path[j+1:], "HTTP/") {
		path = path[:j]
	}
	e.Method, e.Path = line[:i], path
}

// answered tells the outcome of a request from its status.
func (e *Event) answered() {
	switch s := e.Status; {
	case s >= 200 && s < 400:
		e.Outcome = Success
	case s == 401 || s == 403 || s == 407 || s == 429:
		e.Outcome = Denied
	case s >= 400:
		e.Outcome = Failure
	}
}

// quoted gives the next "..." part and what follows it.
func quoted(b []byte) (in, rest []byte) {
	i := bytes.IndexByte(b, '"')
	if i < 0 {
		return nil, b[len(b):]
	}
	return quotedFrom(b[i+1:])
}

// quotedFrom reads from behind the opening quote.
func quotedFrom(b []byte) (in, rest []byte) {
	for at := 0; ; {
		j := bytes.IndexByte(b[at:], '"')
		if j < 0 {
			return b, nil
		}
		at += j
		if at == 0 || b[at-1] != '\\' || escapedSlash(b[:at]) {
			return b[:at], b[at+1:]
		}
		at++
	}
}
