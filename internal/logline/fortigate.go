package logline

// fortigate reads the pairs of FortiOS: its own form, that with commas, and
// what comes as CEF after the keys have been given back their own names.
//
//	date=2026-11-24 time=08:55:46 devname="fw" logid="0000000013" type="traffic" …
func (r *Reader) fortigate() bool {
	e := &r.ev
	e.Product = "fortigate"
	var kind, sub, action, status, utm, desc, date, clock, tz, event []byte
	for i, ro := range r.roles {
		if ro < roleZone {
			continue
		}
		v := r.fields[i].Value
		switch ro {
		case roleDate:
			date = v
		case roleClock:
			clock = v
		case roleZone:
			tz = v
		case roleEventTime:
			event = v
		case roleKind:
			kind = v
		case roleSub:
			sub = v
		case roleAct:
			action = v
		case roleResult:
			status = v
		case roleUTM:
			utm = v
		case roleDesc:
			desc = v
		}
	}
	r.fortiTime(date, clock, tz, event)
	r.assign()
	e.Channel = sub
	switch string(kind) {
	case "traffic":
		e.did(Connect, Success)
		if string(action) == "deny" || string(action) == "blocked" || string(utm) == "block" || string(utm) == "blocked" {
			e.Outcome = Denied
		}
	case "utm", "ips", "virus", "webfilter", "app-ctrl", "dlp", "waf", "anomaly", "emailfilter":
		r.fortiUTM(kind, sub, action)
	case "dns":
		e.did(Query, fortiOutcome(action))
	case "event":
		r.fortiEvent(sub, action, status, desc)
	default:
		e.Action = Other
	}
	return true
}

// fortiTime prefers the clock with its own offset; eventtime, seconds or
// nanoseconds by firmware, stands in when the offset is missing.
func (r *Reader) fortiTime(date, clock, tz, event []byte) {
	e := &r.ev
	var s stamp
	if len(date) == 10 && len(clock) >= 8 && digits(date) == 4 {
		m, ok1 := two(date, 5)
		d, ok2 := two(date, 8)
		_, ok3 := s.clock(clock)
		s.year, s.month, s.day = count(date[:4]), monthOf(m), d
		if ok1 && ok2 && ok3 && s.valid() {
			if off, n, ok := zoneName(unquote(tz)); ok && n > 0 {
				s.offset, s.zoned = off, true
				r.set(&s)
				e.Zone = ZoneProduct
				return
			}
			if len(event) < 10 {
				r.set(&s)
				return
			}
		}
	}
	if r.epoch(event) {
		e.Zone = ZoneProduct
	}
}

func fortiOutcome(action []byte) string {
	switch string(action) {
	case "blocked", "block", "deny", "denied", "dropped", "drop", "reset", "reset_client", "reset_server", "clear_session", "quarantine", "redirect":
		return Denied
	}
	return Success
}

func (r *Reader) fortiUTM(kind, sub, action []byte) {
	e := &r.ev
	if string(kind) != "utm" {
		sub = kind
		e.Channel = kind
	}
	switch string(sub) {
	case "webfilter":
		e.did(Request, fortiOutcome(action))
	case "dns":
		e.did(Query, fortiOutcome(action))
	case "app-ctrl":
		e.did(Connect, fortiOutcome(action))
		e.Name = r.get("app")
	case "emailfilter":
		e.did(Mail, fortiOutcome(action))
		e.Name = r.get("from")
	default:
		e.did(Alert, fortiOutcome(action))
		if e.Threat == nil {
			e.Threat = r.getAny("attack", "virus", "filename", "msg")
		}
		e.Name = r.getAny("filename", "file")
	}
	if e.Path == nil {
		e.Path = r.get("url")
	}
	set(&e.Host, r.get("hostname"))
}

func (r *Reader) fortiEvent(sub, action, status, desc []byte) {
	e := &r.ev
	out := ""
	switch string(status) {
	case "success", "succeeded":
		out = Success
	case "failed", "failure", "fail", "error":
		out = Failure
	case "denied", "locked":
		out = Denied
	}
	if !e.Source.IsValid() {
		e.from(r.get("ui_ip"))
	}
	if ui := r.get("ui"); !e.Source.IsValid() && len(ui) > 0 { // https(192.0.2.1)
		e.from(between(ui, "(", ")"))
	}
	e.did(Other, out)
	switch string(action) {
	case "ssl-login-fail", "auth-failure":
		e.did(Login, Failure)
	case "tunnel-up", "ssl-new-con", "auth-success", "ssl-login":
		e.did(Connect, Success)
		if has(r.get("tunneltype"), "ssl") && string(action) == "tunnel-up" {
			e.did(Login, Success)
		}
	case "tunnel-down", "ssl-exit-error":
		e.Action = Close
	case "login", "authentication", "FSSO-auth", "auth-logon", "negotiate":
		e.Action = Login
		if string(action) == "negotiate" {
			e.Action = Connect
		}
	case "logout", "auth-logout", "FSSO-logoff":
		e.Action = Logout
	case "login-locked", "lockout":
		e.did(Lockout, Failure)
	case "Add", "Edit", "Delete", "add", "edit", "delete", "move", "restore", "backup", "clear":
		e.did(Change, Success)
		e.Name = r.getAny("cfgpath", "cfgobj")
	}
	if has(desc, "login disabled") || has(desc, "locked") {
		e.did(Lockout, Failure)
	} else if has(desc, "login fail") || has(desc, "Login fail") {
		e.did(Login, Failure)
	}
}
