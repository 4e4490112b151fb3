package logline

import "bytes"

var sendmailForms = compile(
	form{text: "ruleset={any}, arg1=<{any}>, relay={host-} [{ip}], reject=", action: Mail, outcome: Denied},
	form{text: "ruleset={any}, arg1=<{any}>, relay=[{ip}], reject=", action: Mail, outcome: Denied},
	form{text: "AUTH failure ({method}): {any}relay={host-} [{ip}]", action: Login, outcome: Failure},
	form{text: "AUTH failure ({method}): {any}relay=[{ip}]", action: Login, outcome: Failure},
	form{text: "AUTH=server, relay={host-} [{ip}]{any}, authid={user}, mech={method},", action: Login, outcome: Success},
	form{text: "AUTH=server, relay=[{ip}], authid={user}, mech={method},", action: Login, outcome: Success},
	form{text: "{host-} [{ip}]: possible SMTP attack: command={name},", action: Probe},
	form{text: "[{ip}]: possible SMTP attack: command={name},", action: Probe},
	form{text: "{host-} [{ip}] did not issue MAIL/EXPN/VRFY/ETRN during connection", action: Probe},
	form{text: "[{ip}] did not issue MAIL/EXPN/VRFY/ETRN during connection", action: Probe},
	form{text: "rejecting commands from {host-} [{ip}] due to pre-greeting traffic", action: Probe},
	form{text: "from=<{name-}>,{any}relay={host+} [{ip}]", action: Mail, outcome: Success},
	form{text: "from=<{name-}>,{any}relay=[{ip}]", action: Mail, outcome: Success},
	form{text: "from={name-}, {any}relay={host+} [{ip}]", action: Mail, outcome: Success},
	form{text: "to=", action: Mail, outcome: Success},
)

// sendmail reads sendmail and its sm-mta; the relay, which it wrote itself,
// stands at the end.
func (r *Reader) sendmail(msg []byte) bool {
	e := &r.ev
	e.Product, e.Action = "sendmail", Other
	if id, rest, ok := cut(msg, ": "); ok && len(id) >= 8 && len(id) <= 20 && bytes.IndexByte(id, ' ') < 0 {
		r.add("queue", id)
		msg = rest
	}
	if sendmailForms.read(msg, e) && e.Action == Mail {
		if has(msg, "stat=") && !has(msg, "stat=Sent") && !has(msg, "stat=queued") && starts(msg, "to=") {
			e.Outcome = Failure
		}
		if e.Name == nil {
			e.Name = between(msg, "arg1=<", ">")
		}
	}
	return true
}

var courierForms = compile(
	form{text: "LOGIN FAILED, user={user}, ip=[{ip}], port=[{port}]", action: Login, outcome: Failure},
	form{text: "LOGIN FAILED, user={user}, ip=[{ip}]", action: Login, outcome: Failure},
	form{text: "LOGIN FAILED, method={method}, ip=[{ip}], port=[{port}]", action: Login, outcome: Failure},
	form{text: "LOGIN FAILED, method={method}, ip=[{ip}]", action: Login, outcome: Failure},
	form{text: "LOGIN, user={user}, ip=[{ip}], port=[{port}]", action: Login, outcome: Success},
	form{text: "LOGIN, user={user}, ip=[{ip}]", action: Login, outcome: Success},
	form{text: "LOGOUT, user={user}, ip=[{ip}]", action: Logout},
	form{text: "DISCONNECTED, user={user}, ip=[{ip}]", action: Logout},
	form{text: "Connection, ip=[{ip}]", action: Connect, outcome: Success},
	form{text: "error,relay={ip},", action: Mail, outcome: Denied},
)

func (r *Reader) courier(msg []byte) bool {
	r.ev.Product, r.ev.Action = "courier", Other
	courierForms.read(msg, &r.ev)
	return true
}

var cyrusForms = compile(
	form{text: "badlogin: {host-} [{ip}] {method} [{user-}] SASL", action: Login, outcome: Failure},
	form{text: "badlogin: [{ip}] {method} [{user-}] SASL", action: Login, outcome: Failure},
	form{text: "badlogin: {host-} [{ip}] {method} {user} SASL", action: Login, outcome: Failure},
	form{text: "badlogin: {host-} [{ip}] {method} ", action: Login, outcome: Failure},
	form{text: "badlogin: [{ip}] {method} ", action: Login, outcome: Failure},
	form{text: "login: {host-} [{ip}] {user} {word} User logged in", action: Login, outcome: Success},
	form{text: "login: [{ip}] {user} {word} User logged in", action: Login, outcome: Success},
	form{text: "login: {host-} [{ip}] {user} {word}", action: Login, outcome: Success},
	form{text: "starttls: ", action: Other},
)

func (r *Reader) cyrus(msg []byte) bool {
	r.ev.Product, r.ev.Action = "cyrus", Other
	cyrusForms.read(msg, &r.ev)
	return true
}

var roundcubeForms = compile(
	form{text: "Successful login for {user} (ID: {any}) from {ip} in session", action: Login, outcome: Success},
	form{text: "Failed login for {user} from {ip} in session", action: Login, outcome: Failure},
	form{text: "Failed login for {user} from {ip}(X-Forwarded-For: ", action: Login, outcome: Failure},
	form{text: "IMAP Error: Login failed for {user} against {host-} from {ip}(X-", action: Login, outcome: Failure},
	form{text: "IMAP Error: Login failed for {user} against {host-} from {ip}. ", action: Login, outcome: Failure},
	form{text: "IMAP Error: Login failed for {user} from {ip}. ", action: Login, outcome: Failure},
	form{text: "IMAP Error: Login failed for {user} from {ip}(X-", action: Login, outcome: Failure},
	form{text: "Login failed for {user} against {host-} from {ip}", action: Login, outcome: Failure},
)

// roundcube reads userlogins.log and the errors: "<session> Failed login for …".
func (r *Reader) roundcube(msg []byte) bool {
	if starts(msg, "<") {
		if i := index(msg, "> "); i > 0 && i < 40 {
			msg = msg[i+2:]
		}
	}
	if !roundcubeForms.read(msg, &r.ev) {
		return false
	}
	r.ev.Product = "roundcube"
	return true
}

// zimbra reads "INFO  [thread] [name=…;oip=…;port=…;ua=…;] logger - text". Behind
// the proxy only oip is the client; ip is the proxy. The pairs end with ";]".
func (r *Reader) zimbra(msg []byte) bool {
	e := &r.ev
	w, rest := word(trim(msg))
	switch string(w) {
	case "INFO", "WARN", "ERROR", "DEBUG", "FATAL":
	default:
		return false
	}
	rest = trim(rest)
	thread, rest, ok := cut(rest, "] [")
	if !ok || len(thread) == 0 || thread[0] != '[' {
		return false
	}
	ctx, text, ok := cut(rest, "] ")
	if !ok {
		return false
	}
	logger, said, ok := cut(text, " - ")
	if !ok || len(logger) > 40 || !has(ctx, "ip=") && len(ctx) > 0 && !has(ctx, "=") {
		return false
	}
	e.Product, e.Channel, e.Action = "zimbra", logger, Other
	ip, oip := sub(ctx, "ip="), []byte(nil)
	for len(ctx) > 0 {
		pair, more, _ := cut(ctx, ";")
		if k, v, ok := cut(pair, "="); ok {
			r.field(k, v)
			switch string(k) {
			case "oip":
				if oip == nil {
					oip = v
				}
			case "port", "oport":
				first(&e.SrcPort, v)
			case "name", "aname":
				if e.User == nil {
					e.person(v)
				}
			}
		}
		ctx = more
	}
	if oip != nil {
		if i := bytes.IndexByte(oip, ','); i > 0 { // the client first, then proxies
			oip = oip[:i]
		}
		e.from(oip)
	} else if ip != nil {
		v, _, _ := cut(ip, ";")
		e.from(v)
	}
	r.zimbraSaid(said)
	return true
}

func (r *Reader) zimbraSaid(said []byte) {
	e := &r.ev
	switch {
	case has(said, "authentication failed for ["):
		e.did(Login, Failure)
		i := lastIndex(said, "]")
		if u := sub(said[:max(i, 0)], "authentication failed for ["); u != nil {
			e.person(u)
		}
		if ends(said, "account not found") {
			e.Action = InvalidUser
		}
	case has(said, "account lockout due to too many failed logins"):
		e.did(Lockout, Failure)
	case has(said, "invalid login attempt"), has(said, "error=authentication failed"):
		e.did(Login, Failure)
	case starts(said, "authenticated"), has(said, "user ") && has(said, " authenticated, mechanism="):
		e.did(Login, Success)
	}
	if c := sub(said, "cmd=Auth;"); c != nil || string(e.Channel) == "security" && has(said, "cmd=Auth") {
		e.did(Login, Success)
		if has(said, "error=") {
			e.Outcome = Failure
		}
		if u := between(said, "account=", ";"); u != nil {
			e.person(u)
		}
	}
}

var amavisForms = compile(
	form{text: "({any}) Blocked {threat} ({name-}) {any}, [{ip}]:{port} [", action: Alert, outcome: Denied},
	form{text: "({any}) Blocked {threat} {any}, [{ip}] ", action: Alert, outcome: Denied},
	form{text: "({any}) Passed {threat} {any}, [{ip}]:{port} ", action: Mail, outcome: Success},
	form{text: "({any}) Passed {threat} {any}, [{ip}] ", action: Mail, outcome: Success},
)

// amavis reads the verdicts of the mail filter; the name of a virus stands in
// round brackets behind what it is.
func (r *Reader) amavis(msg []byte) bool {
	e := &r.ev
	e.Product, e.Action = "amavis", Other
	if amavisForms.read(msg, e) {
		if e.Action == Alert {
			e.Channel, e.Level = e.Threat, "medium"
			if len(e.Name) > 0 {
				e.Threat = e.Name
				e.Level = "high"
			}
		} else {
			e.Threat = nil
		}
		e.Name = between(msg, "] <", ">")
	}
	return true
}
