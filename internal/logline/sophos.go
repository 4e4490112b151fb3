package logline

// sophos reads SFOS of both generations. In the older one the zone has a name,
// and values without quotes hold blanks.
func (r *Reader) sophos() bool {
	e := &r.ev
	e.Product = "sophos"
	if d, t := r.get("date"), r.get("time"); len(d) == 10 && len(t) >= 8 {
		r.joinTime(d, t)
	} else if ts := r.get("timestamp"); len(ts) > 0 {
		r.whenField(ts)
	}
	r.shiftNamed(r.get("timezone"))
	r.assign()
	set(&e.Device, r.get("device_name"))
	kind, comp, sub, status := r.get("log_type"), r.get("log_component"), r.get("log_subtype"), r.get("status")
	e.Channel = comp
	out := sophosOutcome(sub)
	if out == "" {
		out = sophosOutcome(status)
	}
	switch {
	case fold(kind, "firewall"):
		e.did(Connect, out)
	case fold(kind, "event"):
		r.sophosEvent(comp, out)
	case fold(kind, "idp"), fold(kind, "ips"), fold(kind, "atp"), fold(kind, "anti-virus"), fold(kind, "anti virus"), fold(kind, "sandbox"), fold(kind, "wireless protection"), fold(kind, "zero day protection"):
		e.did(Alert, out)
		set(&e.Threat, r.getAny("signature_msg", "virus", "threat", "threatname", "malware"))
		e.Name = r.getAny("file_name", "filename", "FTP_url")
	case fold(kind, "content filtering"), fold(kind, "waf"), fold(kind, "web filter"):
		e.did(Request, out)
	case fold(kind, "anti-spam"), fold(kind, "email"):
		e.did(Mail, out)
		e.Name = r.getAny("from_email_address", "sender")
	default:
		e.did(Other, out)
	}
	return true
}

func (r *Reader) joinTime(d, t []byte) {
	from := len(r.buf)
	r.buf = append(r.buf, d...)
	r.buf = append(r.buf, ' ')
	r.buf = append(r.buf, t...)
	r.when(r.buf[from:])
}

func sophosOutcome(b []byte) string {
	switch {
	case fold(b, "allowed"), fold(b, "allow"), fold(b, "successful"), fold(b, "success"), fold(b, "established"), fold(b, "detect"), fold(b, "detected"):
		return Success
	case fold(b, "denied"), fold(b, "deny"), fold(b, "drop"), fold(b, "dropped"), fold(b, "blocked"), fold(b, "block"), fold(b, "rejected"), fold(b, "virus"), fold(b, "quarantined"):
		return Denied
	case fold(b, "failed"), fold(b, "failure"), fold(b, "terminated"):
		return Failure
	}
	return ""
}

func (r *Reader) sophosEvent(comp []byte, out string) {
	e := &r.ev
	e.did(Other, out)
	switch {
	case hasFold(comp, "authentication"), fold(comp, "gui"), fold(comp, "cli"), hasFold(comp, "console"), fold(comp, "ssh"):
		e.did(Login, out)
		if msg := r.get("message"); hasFold(msg, "logged out") || hasFold(msg, "logout") {
			e.did(Logout, out)
		} else if e.Outcome == "" && (hasFold(msg, "failed") || hasFold(msg, "wrong")) {
			e.Outcome = Failure
		} else if hasFold(msg, "changed") || hasFold(msg, "updated") || hasFold(msg, "added") || hasFold(msg, "deleted") {
			e.did(Change, out)
			e.Name = msg
		}
	case hasFold(comp, "vpn"), fold(comp, "ipsec"):
		e.did(Connect, out)
	}
}

// sophosUTM reads the older UTM: id="2001" severity="info" sys="SecureNet"
// sub="packetfilter" name="Packet dropped" action="drop" …
func (r *Reader) sophosUTM() bool {
	e := &r.ev
	e.Product = "sophos-utm"
	r.assign()
	if e.User == nil {
		e.person(r.get("user"))
	}
	sub, name, act := r.get("sub"), r.get("name"), r.get("action")
	e.Channel = sub
	out := sophosOutcome(act)
	switch {
	case string(act) == "drop" || string(act) == "reject":
		out = Denied
	case string(act) == "accept" || string(act) == "pass":
		out = Success
	}
	switch string(sub) {
	case "packetfilter":
		e.did(Connect, out)
	case "ips":
		e.did(Alert, out)
		e.Threat = r.get("reason")
	case "auth":
		e.did(Login, Success)
		if hasFold(name, "failed") || hasFold(name, "denied") {
			e.Outcome = Failure
		}
		set(&e.Channel, r.get("caller"))
	case "http":
		e.did(Request, out)
		e.Status = count(r.get("statuscode"))
	case "vpn":
		e.did(Connect, Success)
	case "smtp":
		e.did(Mail, Success)
		if hasFold(name, "reject") || hasFold(name, "quarantined") {
			e.Outcome = Denied
		}
		e.Name = r.get("from")
	default:
		e.did(Other, out)
	}
	return true
}
