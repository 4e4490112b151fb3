package logline

import "bytes"

// sshd reads what OpenSSH says. The address is taken from the end of the line:
// a user name may contain "from 192.0.2.1 port 22", and must not become
// somebody else's address.
func (r *Reader) sshd(msg []byte) bool {
	e := &r.ev
	if starts(msg, "SSHD_LOGIN_FAILED: ") {
		return r.juniper(msg[:17], msg[19:])
	}
	e.Product, e.Action, e.Proto = "sshd", Other, "tcp"
	msg, _ = after(msg, "error: ")
	switch {
	case starts(msg, "Failed "):
		e.attempt(msg[7:], Failure)
	case starts(msg, "Accepted "):
		e.attempt(msg[9:], Success)
	case starts(msg, "Postponed "):
		e.attempt(msg[10:], "")
		e.Action = Other
	case starts(msg, "Invalid user "):
		e.did(InvalidUser, Failure)
		e.tail(msg[13:])
	case starts(msg, "Illegal user "):
		e.did(InvalidUser, Failure)
		e.tail(msg[13:])
	case starts(msg, "Connection closed by "), starts(msg, "Connection reset by "), starts(msg, "Disconnected from "):
		e.Action = Close
		_, rest, _ := cut(msg, "y ")
		if starts(msg, "Dis") {
			rest = msg[18:]
		}
		e.closing(rest)
	case starts(msg, "Received disconnect from "):
		e.Action = Close
		e.closing(msg[25:])
	case starts(msg, "PAM "):
		r.pam(msg)
		e.Product = "sshd"
	default:
		if r.sshdRare(msg); e.Action == Other && r.pam(msg) {
			e.Product = "sshd"
		}
	}
	return true
}

// attempt reads "METHOD for [invalid user] NAME from IP port N ssh2: KEY".
func (e *Event) attempt(msg []byte, outcome string) {
	e.did(Login, outcome)
	if i := index(msg, " for "); i >= 0 {
		e.Method = msg[:i]
		msg = msg[i+5:]
	}
	if outcome == Failure && string(e.Method) == "none" {
		e.did(Probe, "") // asked what is allowed, tried nothing
	}
	for _, p := range [...]string{"invalid user ", "illegal user "} {
		if rest, ok := after(msg, p); ok {
			msg = rest
			if e.Action == Probe {
				e.did(InvalidUser, Failure)
			}
		}
	}
	e.tail(msg)
}

// tail reads "NAME from IP [port N] [ssh2...]" from its end.
func (e *Event) tail(msg []byte) {
	for end := len(msg); ; {
		i := lastIndex(msg[:end], " from ")
		if i < 0 {
			if starts(msg, "from ") { // no name at all
				e.place(msg[5:])
			}
			return
		}
		if e.place(msg[i+6:]) {
			e.User = msg[:i]
			return
		}
		end = i
	}
}

// place reads "IP [port N]".
func (e *Event) place(b []byte) bool {
	w, rest := word(b)
	for len(w) > 0 && (w[len(w)-1] == ':' || w[len(w)-1] == ',') {
		w = w[:len(w)-1]
	}
	a, ok := ip(w)
	if !ok {
		return false
	}
	e.Source = a
	if rest, ok := after(rest, "port "); ok {
		e.SrcPort = port(rest[:digits(rest)])
	}
	return true
}

// closing reads "[authenticating|invalid user NAME] IP [port N] [preauth]" and
// "IP port N:11: text": the address is the last one that stands before "port",
// or the first word.
func (e *Event) closing(msg []byte) {
	msg = bytes.TrimSuffix(msg, []byte(" [preauth]"))
	named := false
	for _, p := range [...]string{"authenticating user ", "invalid user ", "user "} {
		if rest, ok := after(msg, p); ok {
			msg, named = rest, true
			if p[0] == 'i' {
				e.did(InvalidUser, Failure)
			}
			break
		}
	}
	if !named {
		e.place(msg)
		return
	}
	for end := len(msg); ; {
		i := lastIndex(msg[:end], " port ")
		if i < 0 {
			break
		}
		j := bytes.LastIndexByte(msg[:i], ' ')
		if a, ok := ip(msg[j+1 : i]); ok {
			e.Source, e.SrcPort = a, port(msg[i+6:i+6+digits(msg[i+6:])])
			e.User = msg[:max(j, 0)]
			return
		}
		end = i
	}
	j := bytes.LastIndexByte(msg, ' ')
	if a, ok := ip(msg[j+1:]); ok {
		e.Source, e.User = a, msg[:max(j, 0)]
	}
}

var sshdForms = compile(
	form{text: "maximum authentication attempts exceeded for invalid user {user} from {ip} port {port}", action: Lockout, outcome: Failure},
	form{text: "maximum authentication attempts exceeded for {user} from {ip} port {port}", action: Lockout, outcome: Failure},
	form{text: "Disconnecting: Too many authentication failures for {user}", action: Lockout, outcome: Failure},
	form{text: "Disconnecting invalid user {user} {ip} port {port}: Too many", action: Lockout, outcome: Failure},
	form{text: "Disconnecting authenticating user {user} {ip} port {port}: Too many", action: Lockout, outcome: Failure},
	form{text: "Disconnecting authenticating user {user} {ip} port {port}", action: Close},
	form{text: "Disconnecting invalid user {user} {ip} port {port}", action: InvalidUser, outcome: Failure},
	form{text: "User {user} from {ip} not allowed because", action: Login, outcome: Denied},
	form{text: "User {user} not allowed because", action: Login, outcome: Denied},
	form{text: "ROOT LOGIN REFUSED FROM {ip} port {port}", action: Login, outcome: Denied},
	form{text: "Did not receive identification string from {ip} port {port}", action: Probe},
	form{text: "Did not receive identification string from {ip}", action: Probe},
	form{text: "Connection from {ip} port {port} on {dest} port {destport}", action: Connect},
	form{text: "Connection from {ip} port {port}", action: Connect},
	form{text: "banner exchange: Connection from {ip} port {port}", action: Probe},
	form{text: "kex_protocol_error: {any} [", action: Probe},
	form{text: "kex_exchange_identification: {any}", action: Probe},
	form{text: "Bad protocol version identification {any+} from {ip} port {port}", action: Probe},
	form{text: "Unable to negotiate with {ip} port {port}", action: Probe},
	form{text: "fatal: Unable to negotiate with {ip} port {port}", action: Probe},
	form{text: "ssh_dispatch_run_fatal: Connection from {ip} port {port}", action: Probe},
	form{text: "ssh_dispatch_run_fatal: Connection from authenticating user {user} {ip} port {port}", action: Probe},
	form{text: "fatal: Timeout before authentication for {ip} port {port}", action: Probe},
	form{text: "fatal: Timeout before authentication for connection from {ip} to {dest}", action: Probe},
	form{text: "Timeout before authentication for {ip} port {port}", action: Probe},
	form{text: "Timeout before authentication for connection from {ip} to {dest}", action: Probe},
	form{text: "Timeout before authentication for {ip}", action: Probe},
	form{text: "fatal: Timeout before authentication for {ip}", action: Probe},
	form{text: "reverse mapping checking getaddrinfo for {any} [{ip}]", action: Probe},
	form{text: "Address {ip} maps to", action: Probe},
	form{text: "refused connect from {any+} ({ip})", action: Connect, outcome: Denied},
	form{text: "drop connection #{any} from [{ip}]:{port} on [{dest}]:{destport}", action: Connect, outcome: Denied},
	form{text: "drop connection #{any} from [{ip}]:{port}", action: Connect, outcome: Denied},
	form{text: "Protocol major versions differ for {ip} port {port}", action: Probe},
	form{text: "Protocol major versions differ for {ip}", action: Probe},
	form{text: "Bad packet length", action: Probe},
	form{text: "fatal: no matching {any} found", action: Probe},
	form{text: "penalty: {any} from {ip}", action: Lockout},
	form{text: "srclimit_penalise: ipv4: new {ip}/", action: Lockout},
	form{text: "subsystem request for {name} by user {user}", action: Command, outcome: Success},
	form{text: "Starting session: {name} for {user} from {ip} port {port}", action: Command, outcome: Success},
	form{text: "Close session: user {user} from {ip} port {port}", action: Logout},
	form{text: "input_userauth_request: invalid user {user}", action: InvalidUser, outcome: Failure},
	form{text: "userauth_pubkey: key type {any}", action: Other},
	form{text: "Server listening on {dest} port {destport}", action: Change, outcome: Success},
	form{text: "Received signal {any}", action: Change},
)

func (r *Reader) sshdRare(msg []byte) {
	msg = bytes.TrimSuffix(msg, []byte(" [preauth]"))
	sshdForms.read(msg, &r.ev)
}

var dropbearForms = compile(
	form{text: "Bad password attempt for '{user}' from {from}", action: Login, outcome: Failure},
	form{text: "Bad PAM password attempt for '{user}' from {from}", action: Login, outcome: Failure},
	form{text: "Password auth succeeded for '{user}' from {from}", action: Login, outcome: Success},
	form{text: "PAM password auth succeeded for '{user}' from {from}", action: Login, outcome: Success},
	form{text: "Pubkey auth succeeded for '{user}' with {any} from {from}", action: Login, outcome: Success},
	form{text: "Login attempt for nonexistent user '{user}' from {from}", action: InvalidUser, outcome: Failure},
	form{text: "Login attempt for nonexistent user from {from}", action: InvalidUser, outcome: Failure},
	form{text: "Login attempt with wrong user {user} from {from}", action: InvalidUser, outcome: Failure},
	form{text: "User '{user}' has invalid shell, rejected", action: Login, outcome: Denied},
	form{text: "Child connection from {from}", action: Connect},
	form{text: "Exit before auth (user '{user}', {repeat} fails): Max auth tries reached", action: Lockout, outcome: Failure},
	form{text: "Exit before auth from <{from}>: (user '{user}', {repeat} fails): Max auth tries reached", action: Lockout, outcome: Failure},
	form{text: "Exit before auth from <{from}>", action: Probe},
	form{text: "Exit before auth", action: Probe},
	form{text: "Exit ({user}) from <{from}>", action: Logout},
	form{text: "Exit ({user})", action: Logout},
)

func (r *Reader) dropbear(msg []byte) bool {
	r.ev.Product, r.ev.Action, r.ev.Proto = "dropbear", Other, "tcp"
	dropbearForms.read(msg, &r.ev)
	return true
}
