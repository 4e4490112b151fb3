package logline

import "bytes"

// logfmt reads pairs of a program that nobody here knows: time=… level=… msg="…".
func (r *Reader) logfmt(head, line []byte, depth int) bool {
	e := &r.ev
	if len(r.fields) < 2 {
		return false
	}
	if len(head) > 24 && len(r.fields) < 3 {
		if r.app(line) {
			return true
		}
	}
	r.assign()
	msg := r.getAny("msg", "message", "event", "error")
	if t := r.getAny("t", "time", "ts"); e.Time.IsZero() && len(t) > 0 {
		r.whenField(t)
	}
	if s := sub(msg, "Handling "); s != nil && traefikForms.read(msg, e) {
		e.Product = "traefik"
		return true
	}
	if has(r.get("msg"), "AUT2") || has(r.get("msg"), "NWC3") || has(r.get("msg"), "AUT3") || r.has("realm") && r.has("roles") {
		return r.ivanti()
	}
	if !e.Source.IsValid() {
		for _, k := range [...]string{"ip", "remote", "addr"} {
			if v := r.get(k); len(v) > 0 && e.from(bytes.TrimRight(v, ",")) {
				break
			}
		}
	}
	e.Product, e.Action = "kv", Other
	switch {
	case e.Source.IsValid() && (appVerdict(msg) || appVerdict(head) || len(r.get("authentication_failed")) > 0 || hasFold(r.get("type"), "login_error")):
		e.Product = "app"
		e.did(Login, Failure)
		if e.User == nil {
			e.person(appUser(msg))
		}
	case e.Source.IsValid() && hasFold(r.get("type"), "login"):
		e.Product = "app"
		e.did(Login, Success)
	case r.app(line):
	case e.Source.IsValid() && e.Dest.IsValid():
		e.Action = Connect
		switch a := r.getAny("action", "act", "status"); {
		case hasFold(a, "den"), hasFold(a, "block"), hasFold(a, "drop"), hasFold(a, "reject"):
			e.Outcome = Denied
		case hasFold(a, "allow"), hasFold(a, "accept"), hasFold(a, "pass"):
			e.Outcome = Success
		}
	}
	return true
}

var traefikForms = compile(
	form{text: "Handling UDP stream from {from} to {to}", action: Connect, outcome: Success},
	form{text: "Handling TCP connection from {from} to {to}", action: Connect, outcome: Success},
)
