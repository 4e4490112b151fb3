package logline

import "bytes"

// apacheError reads "[module:level] [pid N] [client IP:PORT] text" behind the
// time. ModSecurity and PHP write through it.
func (r *Reader) apacheError(rest []byte) bool {
	e := &r.ev
	rest = trim(rest)
	if !starts(rest, "[") {
		return false
	}
	e.Product, e.Action = "apache", Other
	for n := 0; starts(rest, "[") && n < 6; n++ {
		i := bytes.IndexByte(rest, ']')
		if i < 0 {
			break
		}
		in := rest[1:i]
		switch {
		case starts(in, "client "):
			if e.SrcPort == 0 {
				r.peer(in[7:])
			}
		case starts(in, "remote "):
			r.peer(in[7:])
		case n == 0:
			e.Channel = in
		}
		rest = trim(rest[i+1:])
	}
	if !e.Source.IsValid() {
		// (13)Permission denied: [client IP:PORT] AH00035: …
		if i := index(rest[:min(len(rest), 120)], "[client "); i >= 0 {
			w := rest[i+8:]
			if j := bytes.IndexByte(w, ']'); j > 0 {
				r.peer(w[:j])
				rest = trim(w[j+1:])
			}
		}
	}
	if starts(rest, "AH") && len(rest) > 9 && rest[7] == ':' {
		e.ID = count(rest[2:7])
		rest = trim(rest[8:])
	}
	switch {
	case starts(rest, "ModSecurity: "):
		r.modsecurity(rest)
	case apacheForms.read(rest, e):
	case starts(rest, "Got error 'PHP message: "), starts(rest, "PHP message: "):
		said := rest[index(rest, "PHP message: ")+13:]
		if appVerdict(said) {
			e.did(Login, Failure)
			if u := between(said, "user ", " "); u != nil {
				e.person(u)
			}
		}
	case e.Source.IsValid():
		e.did(Request, Failure)
		if has(rest, "denied") {
			e.Outcome = Denied
		}
	}
	return true
}

func (r *Reader) peer(b []byte) {
	e := &r.ev
	if !e.from(b) {
		if i := bytes.LastIndexByte(b, ':'); i > 0 { // ::1:37752
			if a, ok := ip(b[:i]); ok {
				e.Source, e.SrcPort = a, port(b[i+1:])
			}
		}
		return
	}
	// An address like ::1:37752 without brackets is one with its port.
	if e.Source.Is6() && e.SrcPort == 0 {
		if i := bytes.LastIndexByte(b, ':'); i > 0 && len(b)-i > 5 {
			if a, ok := ip(b[:i]); ok {
				e.Source, e.SrcPort = a, port(b[i+1:])
			}
		}
	}
}

var apacheForms = compile(
	form{text: "user {user-}: authentication failure for \"{path}\": Password Mismatch", action: Login, outcome: Failure},
	form{text: "user {user-}: authentication failure for \"{path}\"", action: Login, outcome: Failure},
	form{text: "user {user} not found: {path}", action: InvalidUser, outcome: Failure},
	form{text: "user `{user}' in realm `{any}' not found: {path}", action: InvalidUser, outcome: Failure},
	form{text: "user '{user}' not found", action: InvalidUser, outcome: Failure},
	form{text: "client denied by server configuration: {path}", action: Request, outcome: Denied},
	form{text: "access to {path} denied", action: Request, outcome: Denied},
	form{text: "File does not exist: {path}", action: Request, outcome: Failure},
	form{text: "Directory index forbidden by Options directive: {path}", action: Request, outcome: Denied},
	form{text: "script '{path}' not found", action: Request, outcome: Failure},
	form{text: "Invalid URI in request {path}", action: Probe},
	form{text: "request failed: error reading the headers", action: Probe},
)

// modsecurity reads a verdict: text, then [key "value"] up to the end.
func (r *Reader) modsecurity(b []byte) {
	e := &r.ev
	e.Channel = modsecChannel
	e.did(Alert, "")
	if starts(b, "ModSecurity: Access denied") {
		e.Outcome = Denied
	}
	i := index(b, " [file \"")
	if i < 0 {
		return
	}
	for b = b[i+1:]; starts(b, "["); {
		key, rest, ok := cut(b[1:], " \"")
		if !ok || len(key) > 24 {
			return
		}
		v, more := quotedFrom(rest)
		r.field(key, v)
		switch string(key) {
		case "id":
			e.ID = count(v)
		case "msg":
			e.Threat = v
		case "severity":
			e.Level = level(v)
		case "hostname":
			e.Host = v
		case "uri":
			e.Path = v
		}
		b = trim(bytes.TrimPrefix(more, []byte("]")))
	}
}

var modsecChannel = []byte("modsecurity")
