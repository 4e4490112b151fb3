package logline

import (
	"bytes"
	"net/netip"
)

// sonicwall reads id=firewall sn=… time="…" fw=… m=… src=IP:PORT:IFACE.
func (r *Reader) sonicwall() bool {
	e := &r.ev
	e.Product = "sonicwall"
	e.Source, e.SrcPort = threeParts(r.get("src"))
	e.Dest, e.DestPort = threeParts(r.get("dst"))
	e.NATSource, e.NATPort = threeParts(r.get("natSrc"))
	if p := r.get("proto"); len(p) > 0 { // tcp/https
		w, _, _ := cut(p, "/")
		e.Proto = protocol(w)
	}
	r.assign()
	e.Device = r.getAny("sn", "fw")
	e.person(r.getAny("usr", "user"))
	e.ID = count(r.get("m"))
	e.Channel = r.get("c")
	r.sonicSaid(r.get("msg"))
	if e.Action == Alert {
		r.level = nil
		if n, ok := number(r.get("pri")); ok {
			e.Level = [...]string{"high", "high", "high", "medium", "medium", "low", "low", "low"}[min(n, 7)]
		}
	}
	return true
}

// sonicSaid tells the action from the number of the message or its text.
func (r *Reader) sonicSaid(msg []byte) {
	e := &r.ev
	switch e.ID {
	case 30, 32, 33, 329, 984, 1080, 1200:
		e.did(Login, Failure)
	case 29, 31, 235, 236, 237, 238, 1079:
		e.did(Login, Success)
	case 97:
		e.did(Request, Success)
		e.Path = r.getAny("arg", "dstname")
	case 98, 537, 1233, 1235:
		e.did(Connect, Success)
	case 36, 37, 38, 41, 173, 346, 524, 533, 534:
		e.did(Connect, Denied)
	case 608, 609, 789, 790, 809, 82, 83, 165, 177:
		e.did(Alert, "")
		e.Threat = msg
		if has(msg, "Prevention") || hasFold(msg, "blocked") || hasFold(msg, "dropped") {
			e.Outcome = Denied
		}
	default:
		switch {
		case hasFold(msg, "login denied"), hasFold(msg, "login failed"), hasFold(msg, "incorrect name/password"), hasFold(msg, "authentication failed"), hasFold(msg, "invalid password"):
			e.did(Login, Failure)
		case hasFold(msg, "login allowed"), hasFold(msg, "login successful"):
			e.did(Login, Success)
		case hasFold(msg, "logged out"):
			e.Action = Logout
		case hasFold(msg, "lockout"), hasFold(msg, "locked out"):
			e.did(Lockout, Failure)
		case hasFold(msg, "attack"), hasFold(msg, "port scan"), hasFold(msg, "intrusion"), hasFold(msg, "virus"):
			e.did(Alert, "")
			e.Threat = msg
		case hasFold(msg, "dropped"), hasFold(msg, "blocked"), hasFold(msg, "denied"):
			e.did(Connect, Denied)
		case hasFold(msg, "connection closed"), hasFold(msg, "connection opened"):
			e.did(Connect, Success)
		default:
			e.Action = Other
		}
	}
}

// threeParts reads IP:PORT:INTERFACE, where port and interface may be missing.
func threeParts(b []byte) (a netip.Addr, p int) {
	if x, n, ok := addrPort(b); ok {
		return x, n
	}
	if i := bytes.LastIndexByte(b, ':'); i > 0 {
		x, n, _ := addrPort(b[:i])
		if !x.IsValid() {
			if j := bytes.LastIndexByte(b[:i], ':'); j > 0 { // a host name may follow
				x, n, _ = addrPort(b[:j])
			}
		}
		return x, n
	}
	return a, 0
}
