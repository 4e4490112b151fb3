package logline

import "bytes"

// juniper reads the structured flow log of SRX (the pairs were taken from
// RFC 5424 data by then) and the texts of Junos.
func (r *Reader) juniper(tag, msg []byte) bool {
	e := &r.ev
	e.Product, e.Channel = "juniper", tag
	if r.has("source-address") {
		r.assign()
		e.person(r.get("username"))
	}
	switch string(tag) {
	case "RT_FLOW_SESSION_CREATE":
		e.did(Connect, Success)
	case "RT_FLOW_SESSION_DENY":
		e.did(Connect, Denied)
	case "RT_FLOW_SESSION_CLOSE":
		e.Action = Close
	case "RT_SCREEN_TCP", "RT_SCREEN_UDP", "RT_SCREEN_IP", "RT_SCREEN_ICMP", "IDP_ATTACK_LOG_EVENT", "AV_VIRUS_DETECTED_MT":
		e.did(Alert, "")
		e.Threat = r.getAny("attack-name", "name")
	case "UI_AUTH_EVENT", "UI_LOGIN_EVENT":
		e.did(Login, Success)
	case "UI_CMDLINE_READ_LINE":
		e.did(Command, Success)
		e.Name = r.getAny("command")
	case "UI_COMMIT":
		e.did(Change, Success)
	case "SSHD_LOGIN_FAILED", "LOGIN_FAILED":
		e.did(Login, Failure)
	default:
		e.Action = Other
	}
	if !e.Source.IsValid() {
		r.juniperText(msg)
	}
	return true
}

var juniperForms = compile(
	form{text: "session created {from}->{to} ", action: Connect, outcome: Success},
	form{text: "session denied {from}->{to} ", action: Connect, outcome: Denied},
	form{text: "session closed {any}: {from}->{to} ", action: Close},
	form{text: "Login failed for user '{user}' from host '{ip}'", action: Login, outcome: Failure},
	form{text: "Login attempt for user {user} from host {ip}", action: Login},
	form{text: "Authenticated user '{user}' ", action: Login, outcome: Success},
	form{text: "User '{user}' login, class {any} [{any}], ssh-connection '{from-} ", action: Login, outcome: Success},
	form{text: "User '{user}', command '{name}'", action: Command, outcome: Success},
)

func (r *Reader) juniperText(msg []byte) {
	e := &r.ev
	for i := range juniperForms {
		if juniperForms[i].match(msg, e) {
			e.did(juniperForms[i].action, juniperForms[i].outcome)
			return
		}
	}
}

// juniperTag knows the words in capitals that begin a message of Junos.
func juniperTag(b []byte) bool {
	i := bytes.IndexByte(b, '_')
	if i < 2 || i > 10 {
		return false
	}
	switch string(b[:i]) {
	case "RT", "UI", "SSHD", "LOGIN", "IDP", "AV", "WEBFILTER", "FWAUTH":
		return true
	}
	return false
}
