package logline

import "bytes"

var postfixForms = compile(
	form{text: "warning: {host-}[{ip}]:{port}: SASL {method} authentication failed", action: Login, outcome: Failure},
	form{text: "warning: {host-}[{ip}]: SASL {method} authentication failed", action: Login, outcome: Failure},
	form{text: "warning: {host-}[{ip}]:{port}: SASL {method} authentication aborted", action: Login, outcome: Failure},
	form{text: "warning: {host-}[{ip}]: SASL {method} authentication aborted", action: Login, outcome: Failure},
	form{text: "warning: non-SMTP command from {host-}[{ip}]:{port}: ", action: Probe},
	form{text: "warning: non-SMTP command from {host-}[{ip}]: ", action: Probe},
	form{text: "warning: hostname {host-} does not resolve to address {ip}", action: Other},
	form{text: "warning: Connection rate limit exceeded: {any} from {host-}[{ip}]", action: Lockout},
	form{text: "warning: Connection concurrency limit exceeded: {any} from {host-}[{ip}]", action: Lockout},
	form{text: "NOQUEUE: reject: {method} from {host-}[{ip}]:{port}: ", action: Mail, outcome: Denied},
	form{text: "NOQUEUE: reject: {method} from {host-}[{ip}]: ", action: Mail, outcome: Denied},
	form{text: "NOQUEUE: reject: {method} from [{ip}]:{port}: ", action: Mail, outcome: Denied},
	form{text: "NOQUEUE: milter-reject: {method} from {host-}[{ip}]: ", action: Mail, outcome: Denied},
	form{text: "reject: {method} from {host-}[{ip}]: ", action: Mail, outcome: Denied},
	form{text: "milter-reject: {method} from {host-}[{ip}]: ", action: Mail, outcome: Denied},
	form{text: "improper command pipelining after {any} from {host-}[{ip}]", action: Probe},
	form{text: "too many errors after {any} from {host-}[{ip}]", action: Probe},
	form{text: "SSL_accept error from {host-}[{ip}]", action: Probe},
	form{text: "lost connection after {any} from {host-}[{ip}]:{port}", action: Close},
	form{text: "lost connection after {any} from {host-}[{ip}]", action: Close},
	form{text: "timeout after {any} from {host-}[{ip}]", action: Close},
	form{text: "disconnect from {host-}[{ip}]:{port}", action: Close},
	form{text: "disconnect from {host-}[{ip}]", action: Close},
	form{text: "connect from {host-}[{ip}]:{port}", action: Connect, outcome: Success},
	form{text: "connect from {host-}[{ip}]", action: Connect, outcome: Success},
	// postscreen
	form{text: "PREGREET {any} from [{ip}]:{port}: ", action: Probe},
	form{text: "DNSBL rank {any} for [{ip}]:{port}", action: Probe},
	form{text: "HANGUP after {any} from [{ip}]:{port}", action: Probe},
	form{text: "NON-SMTP COMMAND from [{ip}]:{port}", action: Probe},
	form{text: "COMMAND PIPELINING from [{ip}]:{port}", action: Probe},
	form{text: "BARE NEWLINE from [{ip}]:{port}", action: Probe},
	form{text: "CONNECT from [{ip}]:{port} to [{dest}]:{destport}", action: Connect},
	form{text: "DENYLISTED [{ip}]:{port}", action: Connect, outcome: Denied},
	form{text: "BLACKLISTED [{ip}]:{port}", action: Connect, outcome: Denied},
	form{text: "DISCONNECT [{ip}]:{port}", action: Close},
	form{text: "PASS NEW [{ip}]:{port}", action: Connect, outcome: Success},
	form{text: "PASS OLD [{ip}]:{port}", action: Connect, outcome: Success},
)

// postfix reads all programs of Postfix. What a client wrote itself (helo,
// sender, a command) stands behind its address. The source port is written only
// when smtpd_client_port_logging is on. A queue id joins the lines of a message:
// the address that smtpd wrote comes with the fate that smtp writes.
func (r *Reader) postfix(msg []byte) bool {
	e := &r.ev
	e.Product, e.Action, e.Proto = "postfix", Other, "tcp"
	if i := bytes.LastIndexByte(e.Process, '/'); i >= 0 {
		e.Channel = e.Process[i+1:]
	}
	if postfixForms.read(msg, e) {
		r.postfixRest(msg)
		return true
	}
	id, rest, ok := cut(msg, ": ")
	if !ok || len(id) < 6 || len(id) > 20 {
		return true
	}
	r.add("queue", id)
	switch {
	case starts(rest, "client="):
		e.did(Mail, Success)
		w, more, _ := cut(rest[7:], ", ")
		r.postfixClient(w)
		if u, ok := after(trim(lastPart(more, "sasl_username=")), "sasl_username="); ok {
			e.did(Login, Success)
			e.User, _, _ = cut(u, ", ")
		}
		r.joins.keep(id, kept{from: string(bracketed(w)), user: string(e.User)})
	case starts(rest, "reject: "), starts(rest, "milter-reject: "):
		if postfixForms.read(rest, e) {
			r.postfixRest(rest)
		}
	case starts(rest, "from=<"):
		e.did(Mail, Success)
		e.Name = between(rest, "from=<", ">")
		r.postfixJoin(id)
	case starts(rest, "to=<"):
		e.did(Mail, Success)
		r.add("to", between(rest, "to=<", ">"))
		if s := between(rest, "status=", " "); s != nil && string(s) != "sent" {
			e.Outcome = Failure
		}
		if relay := between(rest, "relay=", ","); relay != nil {
			e.to(bracketed(relay))
		}
		r.postfixJoin(id)
	}
	return true
}

func lastPart(b []byte, key string) []byte {
	if i := lastIndex(b, key); i >= 0 {
		return b[i:]
	}
	return nil
}

func (r *Reader) postfixJoin(id []byte) {
	if k, ok := r.joins.recall(id); ok {
		r.ev.from([]byte(k.from))
		if k.user != "" {
			r.ev.User = r.hold(k.user)
		}
	}
}

// bracketed gives IP:PORT of "name[IP]:PORT".
func bracketed(b []byte) []byte {
	if i := bytes.LastIndexByte(b, '['); i >= 0 {
		return b[i:]
	}
	return nil
}

func (r *Reader) postfixClient(b []byte) {
	e := &r.ev
	if i := bytes.LastIndexByte(b, '['); i >= 0 {
		e.Host = b[:i]
		e.from(b[i:])
	}
}

// postfixRest takes sender, recipient and name at log-in from the end of the
// line; the text between is what a client wrote.
func (r *Reader) postfixRest(msg []byte) {
	e := &r.ev
	if i := lastIndex(msg, " from=<"); i >= 0 && e.Action == Mail {
		e.Name = between(msg[i:], "<", ">")
		r.add("to", between(msg[i:], " to=<", ">"))
		r.add("helo", between(msg[i:], " helo=<", ">"))
	}
	if e.Action == Login {
		if i := lastIndex(msg, "sasl_username="); i >= 0 {
			e.User = msg[i+14:]
		}
	}
	if string(e.Host) == "unknown" {
		e.Host = nil
	}
}
