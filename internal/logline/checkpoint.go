package logline

// checkpoint reads what the log exporter writes: pairs, or key:"value"; in one
// bracket. Keys may come twice; the first one of an address counts.
func (r *Reader) checkpoint() bool {
	e := &r.ev
	e.Product = "checkpoint"
	r.assign()
	set(&e.Device, r.getAny("origin_sic_name", "origin"))
	if e.SrcPort == 0 {
		e.SrcPort = port(r.getAny("s_port"))
	}
	if e.DestPort == 0 {
		e.DestPort = port(r.getAny("service"))
	}
	act := r.getAny("action", "act", "fw_action", "rule_action")
	out := Success
	switch {
	case fold(act, "drop"), fold(act, "reject"), fold(act, "block"), fold(act, "prevent"), fold(act, "deny"):
		out = Denied
	case hasFold(act, "fail"):
		out = Failure
	}
	e.Channel = r.getAny("product", "ProductName")
	switch {
	case hasFold(act, "log in"), hasFold(act, "login"), fold(act, "failed log in"), hasFold(act, "authenticate"):
		e.did(Login, out)
		if s := r.getAny("auth_status", "status"); hasFold(s, "fail") || hasFold(act, "fail") {
			e.Outcome = Failure
		}
		if r.has("auth_failure_reason") || hasFold(r.get("reason"), "fail") || hasFold(r.get("reason"), "incorrect") {
			e.Outcome = Failure
		}
	case hasFold(act, "log out"), hasFold(act, "logout"):
		e.Action = Logout
	case r.has("protection_name") || r.has("attack") || r.has("malware_action") || hasFold(e.Channel, "anti") || hasFold(e.Channel, "ips") || hasFold(e.Channel, "smartdefense"):
		e.did(Alert, out)
		set(&e.Threat, r.getAny("protection_name", "attack", "malware_family", "attack_info"))
		e.Level = level(r.getAny("severity", "confidence_level"))
	case e.Source.IsValid():
		e.did(Connect, out)
	default:
		e.Action = Other
	}
	return true
}

// bracketPairs reads Check Point's key:"value"; list, where quotes and
// brackets inside a value carry a backslash.
func (r *Reader) bracketPairs(b []byte) int {
	n := 0
	for len(b) > 0 {
		for len(b) > 0 && (b[0] == ' ' || b[0] == '[' || b[0] == ';') {
			b = b[1:]
		}
		i := index(b, ":\"")
		if i <= 0 || i > 64 {
			return n
		}
		key := b[:i]
		v, rest := quoted(b[i+1:])
		if !r.field(key, r.unescape(v, '\\')) {
			return n
		}
		n++
		b = rest
	}
	return n
}
