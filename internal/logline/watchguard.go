package logline

// watchguard reads the LEEF of Firebox. The outcome of a login stands in the
// text alone, and the case of the keys varies.
func (r *Reader) watchguard(id []byte) bool {
	e := &r.ev
	e.Product = "watchguard"
	for i := range r.fields { // srcport and srcPort are the same here
		f := &r.fields[i]
		for _, k := range [...]string{"src", "dst", "srcPort", "dstPort", "srcPostNAT", "srcPostNATPort", "src_user", "proto", "disp", "policy", "msg", "devTime"} {
			if len(k) == len(f.Name) && f.Name != k && foldName(f.Name, k) {
				f.Name, r.roles[i] = k, roleOf(k)
			}
		}
	}
	if t := r.get("devTime"); len(t) > 0 {
		r.whenField(t)
	}
	r.assign()
	set(&e.Threat, r.getAny("signature_name", "virus"))
	e.Channel = r.get("policy")
	msg, disp := r.get("msg"), r.get("disp")
	out := ""
	switch {
	case fold(disp, "deny"), fold(disp, "block"), fold(disp, "drop"), hasFold(disp, "deny"):
		out = Denied
	case fold(disp, "allow"):
		out = Success
	}
	switch {
	case hasFold(msg, "authentication of"), hasFold(msg, "logged in"), hasFold(msg, "login"), hasFold(msg, "log in"):
		r.watchguardLogin(msg)
	case hasFold(msg, "logged out"):
		e.Action = Logout
	case e.Threat != nil || hasFold(msg, "ips detected"), hasFold(msg, "virus found"), hasFold(msg, "attack"):
		e.did(Alert, out)
		set(&e.Threat, msg)
		e.Level = level(r.getAny("severity", "sig_vers"))
	case r.has("arg") || r.has("dstname") && r.has("op"):
		e.did(Request, out)
		e.Path, e.Host = r.get("arg"), r.get("dstname")
		e.Method = r.get("op")
	case e.Source.IsValid():
		e.did(Connect, out)
	default:
		e.did(Other, out)
	}
	return true
}

var watchguardForms = compile(
	form{text: "Authentication of {word} user [{user}] from {ip} was rejected", action: Login, outcome: Failure},
	form{text: "Authentication of {word} user [{user}] from {ip} was accepted", action: Login, outcome: Success},
	form{text: "Authentication error. {any} for [{user}]", action: Login, outcome: Failure},
	form{text: "{any}user {user} from {ip} logged in", action: Login, outcome: Success},
	form{text: "{any}user {user} from {ip} logged out", action: Logout},
	form{text: "{any}user {user} from {ip} log in attempt was rejected", action: Login, outcome: Failure},
)

func (r *Reader) watchguardLogin(msg []byte) {
	e := &r.ev
	src, p := e.Source, e.SrcPort
	if watchguardForms.read(msg, e) {
		if src.IsValid() && !e.Source.IsValid() {
			e.Source, e.SrcPort = src, p
		}
		return
	}
	out := Success
	if hasFold(msg, "reject") || hasFold(msg, "fail") || hasFold(msg, "denied") || hasFold(msg, "invalid") || hasFold(msg, "not ") {
		out = Failure
	}
	e.did(Login, out)
}

func foldName(a, b string) bool {
	for i := range len(a) {
		x, y := a[i], b[i]
		if x >= 'A' && x <= 'Z' {
			x += 32
		}
		if y >= 'A' && y <= 'Z' {
			y += 32
		}
		if x != y {
			return false
		}
	}
	return true
}

// watchguardText reads what a Firebox sends as plain syslog:
// "firewall: msg_id="3000-0148" Deny 1-Ext 0-Ext 52 tcp 20 127 IP IP PORT PORT …".
func (r *Reader) watchguardText(msg []byte) bool {
	e := &r.ev
	rest, ok := after(msg, "msg_id=\"")
	if !ok {
		return false
	}
	id, rest, ok := cut(rest, "\" ")
	if !ok {
		return false
	}
	e.Product, e.Channel = "watchguard", id
	r.add("msg_id", id)
	if i := lastIndex(rest, " ("); i > 0 && ends(rest, ")") {
		r.add("policy", rest[i+2:len(rest)-1])
	}
	w, _ := word(rest)
	switch string(w) {
	case "Deny", "Allow":
		out := Success
		if w[0] == 'D' {
			out = Denied
		}
		e.did(Connect, out)
		r.watchguardFlow(rest)
		return true
	}
	r.watchguardLogin(rest)
	return true
}

// watchguardFlow takes the first two addresses that stand alone, and the ports
// behind them; the names before them are the administrator's.
func (r *Reader) watchguardFlow(b []byte) {
	e := &r.ev
	for n := 0; len(b) > 0 && n < 16; n++ {
		var w []byte
		w, b = word(b)
		if p := protocol(w); p != "" && w[0] > '9' {
			e.Proto = p
		}
		a, ok := ip(w)
		switch {
		case ok && !e.Source.IsValid():
			e.Source = a
		case ok:
			e.Dest = a
			w, b = word(b)
			e.SrcPort = port(w)
			w, _ = word(b)
			e.DestPort = port(w)
			return
		}
	}
}
