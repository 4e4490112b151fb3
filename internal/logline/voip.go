package logline

import "bytes"

// asterisk reads the texts of chan_sip and pjsip and the security events:
// SecurityEvent="InvalidPassword",…,AccountID="100",…,RemoteAddress="IPV4/UDP/192.0.2.7/5060".
func (r *Reader) asterisk(msg []byte) bool {
	e := &r.ev
	if i := index(msg, "SecurityEvent=\""); i >= 0 && i < 120 {
		e.Product, e.Action = "asterisk", Other
		r.asteriskEvent(msg[i:])
		return true
	}
	// [pid][call] file.c:123 function: text
	i := index(msg[:min(len(msg), 120)], ".c:")
	if i < 0 {
		if i = index(msg[:min(len(msg), 60)], "chan_sip"); i < 0 {
			return false
		}
	}
	e.Product, e.Action = "asterisk", Other
	rest := msg[i:]
	for n := 0; n < 3; n++ {
		if asteriskForms.read(rest, e) {
			if i := lastIndex(e.User, "sip:"); i >= 0 { // "100" <sip:100@192.0.2.1>
				e.User, _, _ = cut(e.User[i+4:], "@")
			}
			return true
		}
		_, more, ok := cut(rest, ": ")
		if !ok {
			return true
		}
		rest = more
	}
	return true
}

var asteriskForms = compile(
	form{text: "Registration from '{user}' failed for '{from}' - No matching peer found", action: InvalidUser, outcome: Failure},
	form{text: "Registration from '{user}' failed for '{from}' - ", action: Login, outcome: Failure},
	form{text: "Request '{method}' from '{user}' failed for '{from}' ", action: Login, outcome: Failure},
	form{text: "Host {ip} failed to authenticate as '{user}'", action: Login, outcome: Failure},
	form{text: "Host {ip} denied access to register peer '{user}'", action: Login, outcome: Denied},
	form{text: "No registration for peer '{user}' (from {ip})", action: InvalidUser, outcome: Failure},
	form{text: "Failed to authenticate user {user};tag=", action: Login, outcome: Failure},
	form{text: "Failed to authenticate device {user};tag=", action: Login, outcome: Failure},
	form{text: "{ip} failed to authenticate as '{user}'", action: Login, outcome: Failure},
	form{text: "{ip} tried to authenticate with nonexistent user '{user}'", action: InvalidUser, outcome: Failure},
	form{text: "Call from '{user-}' ({from}) to extension '{name}' rejected because", action: Connect, outcome: Denied},
)

func (r *Reader) asteriskEvent(b []byte) {
	e := &r.ev
	for len(b) > 0 {
		i := bytes.IndexByte(b, '=')
		if i <= 0 || i > 64 || i+1 >= len(b) || b[i+1] != '"' {
			break
		}
		key := bytes.TrimLeft(b[:i], ", ")
		v, rest := quotedFrom(b[i+2:])
		if !r.field(key, v) {
			break
		}
		b = rest
	}
	if t := r.get("EventTV"); len(t) > 0 {
		r.whenField(t)
	}
	e.person(r.get("AccountID"))
	e.Channel = r.get("Service")
	sip := func(b []byte) (w, p []byte) { // IPV4/UDP/192.0.2.7/5060
		_, b, _ = cut(b, "/")
		pr, b, _ := cut(b, "/")
		e.Proto = protocol(pr)
		w, p, _ = cut(b, "/")
		return w, p
	}
	a, p := sip(r.get("LocalAddress"))
	e.Dest, e.DestPort = addr(a), port(p)
	a, p = sip(r.get("RemoteAddress"))
	e.Source, e.SrcPort = addr(a), port(p)
	switch string(r.get("SecurityEvent")) {
	case "InvalidAccountID":
		e.did(InvalidUser, Failure)
	case "InvalidPassword", "ChallengeResponseFailed", "FailedACL", "AuthMethodNotAllowed":
		e.did(Login, Failure)
	case "SuccessfulAuth":
		e.did(Login, Success)
	case "ChallengeSent":
		e.Action = Other
	case "RequestBadFormat", "RequestNotSupported", "UnexpectedAddress":
		e.Action = Probe
	case "RequestNotAllowed", "SessionLimit", "LoadAverageLimit":
		e.did(Connect, Denied)
	}
}

var freeswitchForms = compile(
	form{text: "SIP auth failure ({method}) on sofia profile '{any}' for [{user}] from ip {ip}", action: Login, outcome: Failure},
	form{text: "SIP auth challenge ({method}) on sofia profile '{any}' for [{user}] from ip {ip}", action: Other},
	form{text: "Can't find user [{user}] from {ip}", action: InvalidUser, outcome: Failure},
	form{text: "IP {ip} Rejected by acl", action: Connect, outcome: Denied},
	form{text: "IP {ip} Rejected by register acl", action: Login, outcome: Denied},
)

// freeswitch reads "96.83% [WARNING] sofia_reg.c:3223 text".
func (r *Reader) freeswitch(rest []byte) bool {
	rest = trim(rest)
	if w, more := word(rest); ends(w, "%") {
		rest = trim(more)
	}
	if !starts(rest, "[") {
		return false
	}
	_, said, ok := cut(rest, "] ")
	file, said := word(said)
	if !ok || !has(file, ".c:") {
		return false
	}
	r.ev.Product, r.ev.Action, r.ev.Channel = "freeswitch", Other, file
	freeswitchForms.read(said, &r.ev)
	return true
}
