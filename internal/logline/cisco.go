package logline

import "bytes"

var ciscoForms = compile(
	// ASA and Firepower
	form{text: "Deny {proto-} src {any}:{ip}/{port} dst {any}:{dest}/{destport}", action: Connect, outcome: Denied},
	form{text: "Deny {proto-} src {any}:{ip} dst {any}:{dest} ", action: Connect, outcome: Denied},
	form{text: "Inbound {proto-} connection denied from {ip}/{port} to {dest}/{destport}", action: Connect, outcome: Denied},
	form{text: "Deny inbound {proto-} from {ip}/{port} to {dest}/{destport}", action: Connect, outcome: Denied},
	form{text: "Deny {proto-} (no connection) from {ip}/{port} to {dest}/{destport}", action: Connect, outcome: Denied},
	form{text: "Deny IP spoof from ({ip}) to {dest}", action: Connect, outcome: Denied},
	form{text: "{proto-} access denied by ACL from {ip}/{port} to {any}:{dest}/{destport}", action: Connect, outcome: Denied},
	form{text: "access-list {name-} denied {proto-} {any}/{ip}({port}) -> {any}/{dest}({destport})", action: Connect, outcome: Denied},
	form{text: "access-list {name-} permitted {proto-} {any}/{ip}({port}) -> {any}/{dest}({destport})", action: Connect, outcome: Success},
	form{text: "Teardown {proto-} connection {any} for {any}:{ip}/{port}", action: Close},
	form{text: "AAA user authentication Rejected : reason = {any} : server = {dest} : user = {user} : user IP = {ip}", action: Login, outcome: Failure},
	form{text: "AAA user authentication Rejected : reason = {any} : local database : user = {user} : user IP = {ip}", action: Login, outcome: Failure},
	form{text: "AAA user authentication Rejected : reason = {any} : server = {dest} : user = {user}", action: Login, outcome: Failure},
	form{text: "AAA user authentication Successful : server = {dest} : user = {user}", action: Login, outcome: Success},
	form{text: "AAA user authentication Successful : local database : user = {user}", action: Login, outcome: Success},
	form{text: "Login denied from {ip}/{port} to {any}:{dest}/{any} for user \"{user}\"", action: Login, outcome: Failure},
	form{text: "Login permitted from {ip}/{port} to {any}:{dest}/{any} for user \"{user}\"", action: Login, outcome: Success},
	form{text: "User '{user}', running 'CLI' from IP {ip}, executed '{name}'", action: Command, outcome: Success},
	form{text: "User '{user}' executed the '{name}' command", action: Command, outcome: Success},
	form{text: "User {user} executed cmd: {name}", action: Command, outcome: Success},
	form{text: "SSH session from {ip} on interface {any} for user \"{user}\"", action: Login, outcome: Success},
	form{text: "SSH login session failed from {ip} ({any}) on interface {any} for user \"{user}\"", action: Login, outcome: Failure},
	form{text: "Group <{domain-}> User <{user}> IP <{ip}>", action: Login, outcome: Success},
	form{text: "Group = {domain-}, Username = {user}, IP = {ip}, Session disconnected", action: Logout},
	form{text: "Group = {domain-}, Username = {user}, IP = {ip}", action: Connect, outcome: Success},
	form{text: "User locked out", action: Lockout, outcome: Failure},
	form{text: "User '{user}' locked out", action: Lockout, outcome: Failure},
	form{text: "Threat-detection adds host {ip} to shun list", action: Lockout},
	form{text: "Shun added: {ip} {dest}", action: Lockout},
	form{text: "Shunned packet: {ip} ==> {dest}", action: Connect, outcome: Denied},
	// IOS
	form{text: "Login failed [user: {user}] [Source: {ip}] [localport: {destport}]", action: Login, outcome: Failure},
	form{text: "Login Success [user: {user}] [Source: {ip}] [localport: {destport}]", action: Login, outcome: Success},
	form{text: "Still timeleft for watching failures is {any}: [user: {user}] [Source: {ip}] [localport: {destport}]", action: Lockout, outcome: Failure},
	form{text: "Configured from console by {user} on {any} ({ip})", action: Change, outcome: Success},
	form{text: "Configured from console by {user}", action: Change, outcome: Success},
	form{text: "list {name-} denied {proto-} {ip}({port}) {any}-> {dest}({destport})", action: Connect, outcome: Denied},
	form{text: "list {name-} denied {proto-} {ip}({port}) -> {dest}({destport})", action: Connect, outcome: Denied},
	form{text: "list {name-} permitted {proto-} {ip}({port}) -> {dest}({destport})", action: Connect, outcome: Success},
	form{text: "list {name-} denied {proto-} {ip} -> {dest}", action: Connect, outcome: Denied},
	form{text: "User:{user}  logged command:{name}", action: Command, outcome: Success},
	form{text: "SSH2 User '{user}' authentication for SSH2 Session from {ip} (tty = {any}) using crypto cipher '{any}', hmac '{any}' Failed", action: Login, outcome: Failure},
	form{text: "SSH2 User '{user}' authentication for SSH2 Session from {ip} (tty = {any}) using crypto cipher '{any}', hmac '{any}' Succeeded", action: Login, outcome: Success},
	form{text: "Authentication failure for SNMP req from host {ip}", action: Login, outcome: Failure},
)

// cisco reads %FACILITY-SEVERITY-NUMBER: text of ASA, FTD, IOS and NX-OS.
func (r *Reader) cisco(b []byte) bool {
	e := &r.ev
	head, msg, ok := cut(b[1:], ": ")
	if !ok {
		return false
	}
	i := bytes.IndexByte(head, '-')
	j := bytes.LastIndexByte(head, '-')
	if i <= 0 || j <= i || len(head) > 64 {
		return false
	}
	e.Product, e.Channel = "cisco-ios", head
	if starts(head, "ASA") || starts(head, "FTD") || starts(head, "PIX") || starts(head, "FWSM") {
		e.Product = "cisco-asa"
	}
	if n, ok := number(head[j+1:]); ok {
		e.ID = n
	}
	e.Action = Other
	if starts(msg, "Built ") {
		r.ciscoBuilt(msg)
		return true
	}
	ciscoForms.read(msg, e)
	e.asaGroup(msg)
	if starts(head, "ASA-4-733100") || starts(head, "ASA-4-4000") {
		e.did(Alert, "")
		e.Threat = msg
	}
	return true
}

// asaGroup reads what the AnyConnect messages say behind their common start.
func (e *Event) asaGroup(msg []byte) {
	switch e.ID {
	case 113039, 722051, 722022:
		e.did(Login, Success)
	case 113019, 722023, 722037:
		e.Action = Logout
	case 716039, 113015, 113005:
		e.did(Login, Failure)
	case 716038:
		e.did(Login, Success)
	case 113022, 113006:
		e.did(Lockout, Failure)
	}
	if e.Action == Login && has(msg, "Authentication: rejected") {
		e.Outcome = Failure
	}
}

// ciscoBuilt reads "Built inbound TCP connection N for outside:IP/PORT (NATIP/PORT)
// to inside:IP/PORT (…)": for an outbound one, who began stands behind "to".
func (r *Reader) ciscoBuilt(msg []byte) {
	e := &r.ev
	e.did(Connect, Success)
	w, rest := word(msg[6:])
	inbound := string(w) == "inbound"
	p, rest := word(rest)
	e.Proto = protocol(p)
	_, rest, ok := cut(rest, " for ")
	if !ok {
		return
	}
	a, b, ok := cut(rest, " to ")
	if !ok {
		return
	}
	end := func(s []byte) (in, nat []byte) {
		w, s := word(s)
		if i := bytes.IndexByte(w, ':'); i >= 0 {
			w = w[i+1:]
		}
		return w, between(s, "(", ")")
	}
	from, to := a, b
	if !inbound {
		from, to = b, a
	}
	x, translated := end(from)
	e.from(x)
	x, _ = end(to)
	e.to(x)
	if nat, p, ok := addrPort(translated); ok && nat != e.Source {
		e.NATSource, e.NATPort = nat, p
	}
}

// ciscoLine reads "sw1: *Nov 24 08:55:46.123: %SEC-6-…" behind the number of the
// line: a name or none, a clock that may not be set, a message.
func (r *Reader) ciscoLine(b []byte, depth int) bool {
	i := index(b[:min(len(b), 100)], ": %")
	if i < 0 {
		return r.line(trim(b), depth+1)
	}
	head := trim(b[:i])
	if w, rest := word(head); len(w) > 1 && w[len(w)-1] == ':' {
		r.ev.Device = w[:len(w)-1]
		head = trim(rest)
	}
	unset := len(head) > 0 && (head[0] == '*' || head[0] == '.')
	if unset {
		head = head[1:]
	}
	if len(head) > 0 {
		r.rfc3164(head[:len(head)+1]) // with the colon behind it
	}
	if unset {
		r.ev.Slack = max(r.ev.Slack, minute)
	}
	return r.cisco(b[i+2:])
}
