package logline

import "bytes"

// dovecot reads the log-in services ("imap-login: Disconnected … user=<…>, rip=…")
// and the ones behind them ("auth-worker(1): sql(NAME,IP): unknown user"). A
// name stands in <> before the address, and Dovecot writes % for what could
// break out.
func (r *Reader) dovecot(msg []byte) bool {
	e := &r.ev
	e.Product, e.Action = "dovecot", Other
	if w, rest, ok := cut(msg, ": "); ok && bytes.IndexByte(w, ' ') < 0 {
		e.Channel = w
		if i := bytes.IndexByte(w, '('); i > 0 {
			e.Channel = w[:i]
		}
		msg = rest
	}
	for _, l := range [...]string{"Info: ", "Error: ", "Warning: ", "Debug: ", "Fatal: "} {
		msg, _ = after(msg, l)
	}
	if ends(e.Channel, "-login") {
		r.dovecotLogin(msg)
		return true
	}
	if starts(e.Channel, "auth") {
		r.dovecotAuth(msg)
		return true
	}
	// imap(NAME)<pid><session>: Logged out in=… out=…
	if starts(msg, "Logged out") || starts(msg, "Disconnected") || starts(msg, "Connection closed") {
		e.Action = Logout
		if w := between(msg, "(", ")"); w == nil {
			e.User = dovecotName(msg)
		}
	}
	return true
}

func dovecotName(b []byte) []byte { return between(b, "user=<", ">") }

func (r *Reader) dovecotLogin(msg []byte) {
	e := &r.ev
	// The pairs come last: the name first, which may hold ", rip=192.0.2.1".
	i := lastIndex(msg, ", rip=")
	if i < 0 {
		if i = lastIndex(msg, " rip="); i < 0 {
			return
		}
	}
	tail := msg[i:]
	e.from(wordUntil(tail[index(tail, "rip=")+4:]))
	e.to(wordUntil(sub(tail, "lip=")))
	if p := sub(tail, "rport="); p != nil {
		e.SrcPort = port(wordUntil(p))
	}
	if p := sub(tail, "lport="); p != nil {
		e.DestPort = port(wordUntil(p))
	}
	if u := sub(msg[:i], "user=<"); u != nil {
		if j := bytes.LastIndexByte(u, '>'); j >= 0 {
			e.person(u[:j])
		}
	}
	said := msg[:i]
	switch {
	case starts(said, "Login:"), starts(said, "Logged in"):
		e.did(Login, Success)
	case has(said, "auth failed"), has(said, "Authentication failed"), has(said, "Aborted login (tried"), has(said, "unknown user"):
		e.did(Login, Failure)
		if n := sub(said, "auth failed, "); n != nil {
			e.Repeat = max(count(n[:digits(n)]), 1)
		}
	case has(said, "no auth attempts"), has(said, "disconnected before"), has(said, "Too many invalid commands"), has(said, "SSL_accept"), has(said, "TLS handshak"):
		e.Action = Probe
	default:
		e.Action = Close
	}
}

// sub gives what follows the first place of key.
func sub(b []byte, key string) []byte {
	if i := index(b, key); i >= 0 {
		return b[i+len(key):]
	}
	return nil
}

// wordUntil gives the bytes up to a blank or a comma.
func wordUntil(b []byte) []byte {
	for i, c := range b {
		if c == ' ' || c == ',' || c == ';' || c == ')' {
			return b[:i]
		}
	}
	return b
}

// dovecotAuth reads "sql(NAME,IP,<session>): unknown user", with the worker's
// connection before it or without.
func (r *Reader) dovecotAuth(msg []byte) {
	e := &r.ev
	if i := index(msg, "auth-worker<"); i >= 0 {
		if j := index(msg[i:], ">: "); j > 0 {
			msg = msg[i+j+3:]
		}
	}
	open := bytes.IndexByte(msg, '(')
	if open <= 0 || open > 24 {
		return
	}
	end := index(msg, "): ")
	for end >= 0 { // the last one behind which stands a text of Dovecot's own
		next := index(msg[end+3:], "): ")
		if next < 0 || !has(msg[end+3:end+3+next], ",") {
			break
		}
		end += 3 + next
	}
	if end < open {
		return
	}
	inside, said := msg[open+1:end], msg[end+3:]
	// Name, address, session: from the right, for a name may hold commas.
	for len(inside) > 0 && inside[len(inside)-1] == '>' {
		i := lastIndex(inside, ",<")
		if i < 0 {
			break
		}
		inside = inside[:i]
	}
	if i := bytes.LastIndexByte(inside, ','); i >= 0 && e.from(inside[i+1:]) {
		inside = inside[:i]
	}
	e.person(inside)
	switch {
	case hasFold(said, "unknown user"):
		e.did(InvalidUser, Failure)
	case hasFold(said, "mismatch"), hasFold(said, "failed"), hasFold(said, "failure"), hasFold(said, "invalid credentials"), hasFold(said, "not found"):
		e.did(Login, Failure)
	}
}
